// Package nomadagent runs Nomad agents of its own on this machine: the real program
// (tools/nomad), on free ports, with a data directory each.
//
// The demo, the tests and the bench use it. A fleet in production runs on a cluster that
// somebody else looks after, and never starts an agent.
package nomadagent
