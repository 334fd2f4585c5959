// Package devserver runs the programs of an embedded fleet as children of this process: it finds
// or builds crawlfleet-server (the Temporal server, a Go module of its own in the folder server),
// starts it on free or given ports, restarts it when it dies, and stops it with a deadline. Child
// does the same for any other program, the control worker for one.
//
// No child survives its supervisor, however that ends: each holds a life line, a pipe at its
// standard input that the kernel closes when the supervisor is gone (WatchLifeLine is the child's
// end). A server that is still stopping when the next supervisor comes is not adopted but waited
// for: it holds its directory's lock for some seconds at most.
//
// The package does not import the Temporal server or its SDK. What the server is asked to hold
// (namespace, search attributes) and the lock and version stamp of the fleet's own data directory
// are the caller's. `crawlfleet dev`, `crawlfleet demo` and the end-to-end tests use it.
package devserver
