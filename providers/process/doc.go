// Package process runs crawlers as processes of this machine: the substrate of the
// embedded fleet.
//
// A crawler outlives the control worker that started it: it has a session of its own,
// writes to a log file of its own, and is found again by the records in the run
// directory. The record of a launch is written before the fork, and the process
// inherits a locked file: whatever is killed in between, the lock says whether it
// lives, and no process runs that no record knows of.
//
// The run directory must be on a local file system (locks), and belongs to the user
// that runs the crawlers:
//
//	lock             held for moments, by whoever changes something here
//	addresses.json   when each source address was last used
//	live/<guid>.json the record; live/<guid>.lock is held while the crawler lives
//	gone/<guid>.json what was stopped: it is never run again, until it is purged
//	<guid>.log       its output, cut at a size
//
// The package leaves to others which crawler to start, and when to stop it.
package process
