// Package activitytest holds a control store, tenants' databases, a substrate and a
// Temporal client in memory, for tests of activities, workflows and workers. They
// keep the contracts of package fleet (leases, epochs, fences, intents, grants) as
// the real ones do, in the simplest way that does, and can be told to fail.
package activitytest
