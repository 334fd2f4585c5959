// Package config holds the one Config of the programs and the data directory.
//
// A value comes from a flag, else from the environment (CRAWLFLEET_…, for every
// secret also …_FILE), else from the configuration file (YAML or JSON, strict), else
// it is the default; Loaded knows for each value which of them it was. The connection
// to Temporal is not here: it comes from the Temporal SDK's own environment
// configuration only.
//
// The programs in starter and workers use it. Rooms below them get their part of the
// Config through their constructors.
package config
