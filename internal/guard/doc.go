// Package guard refuses connections to private addresses, at the moment of the dial.
//
// What a tenant names is connected to by the crawler (pages) and by the control side
// (webhooks): both dial through it. It leaves to them what a refusal means, and gives them a failure's cause without the URL.
package guard
