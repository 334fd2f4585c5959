package nomad

// Tidy is what Watch does every few minutes, at a moment of the test's choice.
var Tidy = (*Provider).tidy
