// Package nomadjobs holds the job specifications, so that a program has them without the
// tree beside it. They are the files of this folder, which can be run by hand as well.
package nomadjobs

import _ "embed" // the files below

//go:embed crawler.nomad.hcl
var crawler string

// Crawler is crawler.nomad.hcl: one crawler, as a batch job.
func Crawler() string { return crawler }
