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
//   - nomad: a crawler is a batch job, and a Nomad variable (its mark) is the truth of
//     whether it may start. A launch waits some milliseconds for the servers' decision;
//     one that found no place is taken back before ClassCapacity returns. An address in
//     use is ClassCapacity. The grace of a stop is 25 s at most. A crawler on a node
//     that is not heard from is running, with that as the reason; once it is stopped it
//     counts as gone, and the node ends it when it hears from the servers again.
//   - docker: the engine is the only memory: names, labels, and the containers of crawlers
//     that were stopped, which are kept until they are purged. A grace is rounded up to
//     whole seconds, and held by the engine. PhaseStopping is known to the control worker
//     that asked for the stop; others see PhaseRunning until it has ended.
package providers
