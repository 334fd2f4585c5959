// Command chaos runs a fleet under a steady load of several tenants, kills its parts at
// random moments for as long as it is told, lets it come to rest and has it judged by the
// independent checker of package e2e: by the site's log, the rows and the process table.
//
// What is killed when comes from a seed, so that a failing run is repeated with it: the
// same deeds with the same pauses. What they meet differs with the machine's mood.
//
// `make chaos SEED=7 MINUTES=10` runs it.
package main
