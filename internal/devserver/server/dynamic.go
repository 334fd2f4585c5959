package main

import (
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

const (
	// pollRPS lifts the pace at which queue processors look for new tasks. The default of 20
	// alone makes a workflow take 150 ms instead of 23.
	pollRPS = 5000

	// unlimited is above what one machine can do: its processors are the limit, not a quota.
	unlimited = 100_000

	// onePartition: the queue of a single crawler has nothing to spread, and with the default of
	// four its polls and tasks are forwarded from one to the other.
	onePartition = 1

	// longPolls is how many polls may wait in a namespace. The default of 1200 broke at 1300
	// crawlers; 3000 have been run with this one.
	longPolls = 20_000

	// visibilityRPS is what the Web UI and lists may ask; the default of 10 is reached by two
	// open pages.
	visibilityRPS = 100

	// acknowledged is how often the transfer queue notes how far it is. A closed workflow can
	// be deleted only behind that note: with the default of 30 s a tenant's deletion waited
	// for it.
	acknowledged = time.Second

	// cachedWorkflows in memory, as Temporal's own development server has it; the default of
	// 128,000 is meant for a machine of its own.
	cachedWorkflows = 8096

	// updatesInFlight of one workflow; with the default of 10 a burst of updates is refused.
	updatesInFlight = 1000
)

// dynamicConfig is everything that differs from Temporal's defaults; what is given wins over
// it. The keys come from the settings themselves: one that a new version drops does not compile.
func dynamicConfig(given values) dynamicconfig.Client {
	values := map[dynamicconfig.Key]any{
		// Speed on one machine.
		dynamicconfig.TransferProcessorMaxPollRPS.Key():         pollRPS,
		dynamicconfig.TransferProcessorUpdateAckInterval.Key():  acknowledged,
		dynamicconfig.TimerProcessorMaxPollRPS.Key():            pollRPS,
		dynamicconfig.VisibilityProcessorMaxPollRPS.Key():       pollRPS,
		dynamicconfig.OutboundProcessorMaxPollRPS.Key():         pollRPS,
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  onePartition,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): onePartition,
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():        cachedWorkflows,

		// No quotas but the machine.
		dynamicconfig.FrontendRPS.Key():                                         unlimited,
		dynamicconfig.HistoryRPS.Key():                                          unlimited,
		dynamicconfig.MatchingRPS.Key():                                         unlimited,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():                  unlimited,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key():        visibilityRPS,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Key(): longPolls,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                           unlimited,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                            unlimited,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                           unlimited,
		dynamicconfig.WorkflowExecutionMaxInFlightUpdates.Key():                 updatesInFlight,
		dynamicconfig.WorkflowExecutionMaxTotalUpdates.Key():                    unlimited,

		// What crawlfleet relies on: fair queues; no task for a crawler that is shutting down;
		// cancels pushed to it instead of waiting for its next heartbeat; pausing from UI and CLI.
		dynamicconfig.MatchingEnableFairness.Key():            true,
		dynamicconfig.EnableCancelWorkerPollsOnShutdown.Key(): true,
		dynamicconfig.WorkerCommandsEnabled.Key():             true,
		dynamicconfig.EnableCancelActivityWorkerCommand.Key(): true,
		dynamicconfig.WorkflowPauseEnabled.Key():              true,

		// A Nexus endpoint that was just added is seen at once. The same for search attributes
		// would read the database at every start and visibility write; ours are there
		// before the first start.
		dynamicconfig.ForceNexusEndpointRefreshOnRead.Key(): true,

		// Nobody is called home.
		dynamicconfig.EnableServerVersionCheck.Key(): false,
	}
	for key, value := range given {
		values[dynamicconfig.MakeKey(key)] = value
	}
	client := make(dynamicconfig.StaticClient, len(values))
	for key, value := range values {
		// Ready slices: the server caches a value's conversion by the slice it came in, and
		// asks for each key very often.
		client[key] = []dynamicconfig.ConstrainedValue{{Value: value}}
	}
	return client
}
