// Package providers is the room of the substrates: each folder starts, stops,
// describes and lists crawlers on one of them, behind fleet.Provider.
//
// A provider imports fleet and its substrate's client, never another provider and
// never Temporal. It holds no state that a restart could lose, decides nothing, and
// classifies every error. It is used by the launch activities and the reconciler.
//
// Every provider passes providertest.Exercise against the real thing or its vendor's
// fake. What a substrate does differently is said here:
//
//   - process: a crawler is a process in a session of its own that outlives the
//     control worker. An advisory lock that it inherits on file descriptor 3 is the
//     truth of whether it lives; its exit code is known only to the control worker
//     that started it. An address that is asked for and in use is ClassConflict, an
//     address that the place does not have is ClassFatal.
package providers
