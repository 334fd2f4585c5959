// Command bench measures what the fleet adds to the bare parts that it is made of: a
// warm ticket beside a bare workflow whose one activity does the same crawl, a cold
// start beside a fork of the same crawler program, the size of the programs.
//
// Only ratios count. Machines drift by a factor of two within minutes, so that both
// sides run in one run, in short rounds, in reversed order from one round to the next,
// and the medians over the rounds are told with a fixed piece of work beside them.
//
// The bare side is as much of us as a program without a fleet would need: the crawler's
// own program and a data plane of its own, without the Ticket, the control store, leases,
// the planner, sessions, billing. It runs as processes of their own, as the fleet does.
//
// Used by `make bench`; what it has printed is in docs/performance.md.
package main
