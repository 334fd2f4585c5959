// Package providertest is the conformance suite that every provider passes, against
// the real substrate or its vendor's fake. It says what fleet.Provider means: how often
// a crawler runs, what survives a restart of the control side, what an error's class
// promises. It knows no substrate: a Substrate tells it how to launch, to kill, and to
// look without asking the provider. The tests of the provider packages use it.
package providertest
