// Package client speaks to Temporal for the doors of the fleet: it dials as the SDK's
// environment configuration says, and starts, steers and awaits tenants, tickets and
// crawlers by the typed calls of this package. Errors come back as *fleet.Error.
//
// It changes nothing itself: all it does is to start, signal, update, cancel or
// terminate workflows. Reading goes straight to the stores, which is cheaper and works
// without a worker. The command line and the web console use it; workers take their
// connection from Dial, so that every payload passes the same codec.
package client
