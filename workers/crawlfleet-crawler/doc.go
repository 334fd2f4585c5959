// Command crawlfleet-crawler is the container's program: one crawler, one GUID, one
// life. It polls two queues, <guid>.ctl for Hello and Serve and <guid> for Crawl, and
// does what comes there until it is told to end, or nobody cares for it any more.
//
// A provider starts it, and all that it is told is in the environment: who it is and
// where the data plane is (CRAWLFLEET_*, each secret also as …_FILE), and where Temporal
// is (TEMPORAL_*, read by the SDK's own envconfig). It has no database driver, no cloud
// SDK and no other credential.
//
// On SIGTERM it hands its tickets back and exits with 0. It exits with 1 by itself when
// nobody says hello within the launch budget, and when it has heard nothing from Temporal
// or from the data plane for long: an orphan costs money and works for nobody.
package main
