// Package docker runs crawlers as containers of one Docker Engine.
//
// The engine is the only memory. A crawler's container is named crawl-<guid>, so that
// the engine itself refuses a second one (409), and is labelled with fleet, tenant, guid,
// place and address. Who made a container starts it; a container that was made and not
// started, because a control worker died in between, is started by the next Launch. A
// container that has ended is never started again. Stop, once it has ended, renames it to
// crawl-<guid>.gone: that is what keeps its GUID from being run again, and has its log,
// until it is purged. `docker container prune` would remove both; spare them with
// --filter label!=crawlfleet.fleet.
//
// A container is as small as it gets: read-only root, no capabilities, no new privileges,
// an unprivileged user, limits on memory, processors and processes, a log that is cut. It
// is in a network of its own, where crawlers do not reach each other: from there it
// reaches the outside and what this machine binds to the network's address (the
// gateway), not what is on the machine's loopback.
//
// The package leaves to others which crawler to start and when to stop it, and where
// images come from: it never pulls one.
package docker
