// Package credential makes and checks what crawlers and the gateway show each other and
// the control side: the bootstrap token, the short-lived credential that it is exchanged
// for, the gateway's own token at the data plane, the seal of task tokens, and the proof
// of an address. All of it is derived from the fleet's secret, so that nothing of it has
// to be kept: a program that is killed and comes back knows every one that it gave out.
//
// Whether a crawler may have any of them, the rows know; this package asks nobody.
//
// Used by the gateway, the data plane and the control worker. The crawler has no need of
// it: to it all of this is opaque.
package credential
