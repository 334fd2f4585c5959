package fleet

import "time"

// ControlQueue is the task queue of the workflows and of the control
// side's activities; `temporal workflow start` names it.
const ControlQueue = "crawlfleet"

// ControlTask is how long a workflow task may be with a control worker before another one
// gets it: what a worker that is killed in the middle of one costs its workflow. Local
// activities, milliseconds each, are part of a task; a longer one keeps it by two events
// for every four fifths of this time.
const ControlTask = 5 * time.Second

// CrawlQueue is the crawler's own queue for Crawl: its GUID.
func CrawlQueue(g GUID) string { return string(g) }

// CtlQueue is the crawler's queue for Hello and Serve.
func CtlQueue(g GUID) string { return string(g) + ".ctl" }

// LaunchQueue carries the launches of one substrate account, so that the
// account's API rate and its fairness between tenants can be set on the queue.
func LaunchQueue(a Account) string { return "launch." + string(a) }

// The typed search attributes, set when a workflow is started. All are keywords.
const (
	AttrTenant   = "CrawlTenant"
	AttrSession  = "CrawlSession"
	AttrOffering = "CrawlOffering"
)

// SearchAttributes lists the attribute names that a namespace needs.
func SearchAttributes() []string { return []string{AttrTenant, AttrSession, AttrOffering} }

// ContractVersion is what a crawler and the control side agree on: the
// activities of its two queues and the data plane's messages.
const ContractVersion = 1

// ContractAccepted reports whether a crawler that speaks version v gets tickets:
// the current version and the one before it.
func ContractAccepted(v int) bool {
	return v == ContractVersion || (v == ContractVersion-1 && v > 0)
}
