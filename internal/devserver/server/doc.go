// Command crawlfleet-server is the embedded Temporal server: frontend, history, matching and
// worker in one process on SQLite files, with the real Web UI beside it.
//
// It is a Go module of its own, so that nothing else of crawlfleet compiles or depends on the
// Temporal server. It knows nothing of crawlfleet: namespace, retention and search attributes
// are flags. `crawlfleet dev` supervises it through package internal/devserver; it can be run by
// hand too (crawlfleet-server -h).
//
// One directory belongs to one server at a time and to one server version: SQLite has no schema
// upgrade in Temporal, so a directory written by another version is refused.
//
// On standard output there is exactly one line of JSON, either
//
//	{"ready":true,"address":"127.0.0.1:7233","ui":"http://127.0.0.1:8233","pid":4711,"version":"1.32.1"}
//
// or, with exit code 1 (2 for wrong flags),
//
//	{"ready":false,"code":"busy","flag":"--port","error":"127.0.0.1:7233 is in use"}
//
// Everything else goes to standard error, as JSON lines.
package main
