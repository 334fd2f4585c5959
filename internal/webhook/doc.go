// Package webhook makes the requests to webhooks: signed as Standard Webhooks says
// (https://www.standardwebhooks.com), over connections that refuse private addresses,
// without following redirects, in bounded time and memory.
//
// Who is told of what, how often it is tried and what is noted of it are others' to
// know: the control store's rows and the Delivery workflow. The control worker uses it.
package webhook
