package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
)

// A value of the wrong type would be ignored without an error: ask as the server asks.
func TestDynamicConfig_IsTakenByTheServer(t *testing.T) {
	t.Parallel()
	given := values{}
	require.NoError(t, given.Set("history.maxTotalUpdates=77"))
	require.Error(t, given.Set("history.maxTotalUpdates"))
	require.Error(t, given.Set("history.maxTotalUpdates=many"))
	c := dynamicconfig.NewCollection(dynamicConfig(given), log.NewNoopLogger())
	require.Equal(t, 77, dynamicconfig.WorkflowExecutionMaxTotalUpdates.Get(c)("ns"), "the given value wins")
	require.Equal(t, pollRPS, dynamicconfig.TransferProcessorMaxPollRPS.Get(c)())
	require.Equal(t, pollRPS, dynamicconfig.TimerProcessorMaxPollRPS.Get(c)())
	require.Equal(t, onePartition, dynamicconfig.MatchingNumTaskqueueReadPartitions.Get(c)("ns", "q", 1))
	require.Equal(t, longPolls,
		dynamicconfig.FrontendMaxConcurrentLongRunningRequestsPerInstance.Get(c)("ns"))
	require.Equal(t, visibilityRPS,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Get(c)("ns"))
	require.Equal(t, cachedWorkflows, dynamicconfig.HistoryCacheHostLevelMaxSize.Get(c)())
	require.True(t, dynamicconfig.MatchingEnableFairness.Get(c)("ns", "q", 1).New)
	require.True(t, dynamicconfig.EnableCancelWorkerPollsOnShutdown.Get(c)("ns"))
	require.True(t, dynamicconfig.WorkerCommandsEnabled.Get(c)("ns"))
	require.True(t, dynamicconfig.EnableCancelActivityWorkerCommand.Get(c)("ns"))
	require.True(t, dynamicconfig.WorkflowPauseEnabled.Get(c)("ns"))
	require.False(t, dynamicconfig.EnableServerVersionCheck.Get(c)())
}
