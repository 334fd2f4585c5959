// Package challenge tells a page from the challenge, captcha or block page that a
// protection service answers in its place, often with status 200 or 202.
//
// It names who answered; what becomes of the page, and of the host, it leaves to its
// caller, and it solves nothing. Used by the crawl engine.
package challenge
