// Package backup makes one archive of all databases of an embedded fleet, as they were at
// one instant, while other processes write them; and unpacks it as a new fleet.
//
// Create needs nothing of the fleet but its files: it takes the write lock of every
// database for some milliseconds, pins what can be read then, and copies that afterwards.
// Restore trusts nothing that an archive says: names, sizes and checksums are those of
// its manifest or it is refused, and nothing is to be seen before all of it is right.
//
// The package leaves to others what the rows mean: which processes a restored fleet does
// not have, whether the fleet runs, how its directory is upgraded. The command line
// uses it.
package backup
