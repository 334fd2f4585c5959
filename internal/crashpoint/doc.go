// Package crashpoint ends a program with SIGKILL at an exact place, once, where a file asks for
// it: before or after an activity (Interceptor), or before or after any call that is wrapped
// (Around). It also notes which places a tenant's work came by, so that a test can kill at each
// of them without a list that somebody keeps.
//
// It is linked only into the end-to-end tests' own builds of the programs (build tag
// crashpoints), and used by these tests, which arm the points.
package crashpoint
