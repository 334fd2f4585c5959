package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have have
		wish wish
		to   fleet.GUID
		wait fleet.WaitCode
		fail fleet.Code
	}{
		"the only crawler":                  {have{crawler("1", serving, 0)}, nil, "1", "", ""},
		"the least loaded":                  {have{crawler("1", serving, 1), crawler("2", serving, 0)}, nil, "2", "", ""},
		"ties by GUID":                      {have{crawler("2", serving, 1), crawler("1", serving, 1)}, nil, "1", "", ""},
		"none that starts":                  {have{crawler("1", starting, 0)}, nil, "", fleet.WaitStarting, ""},
		"none that drains":                  {have{crawler("1", draining, 0)}, nil, "", fleet.WaitConductor, ""},
		"none that is retired":              {have{crawler("1", retired, 0)}, nil, "", fleet.WaitConductor, ""},
		"no proof":                          {have{crawler("1", serving, 0, proof)}, nil, "", fleet.WaitConductor, ""},
		"no starting proof":                 {have{crawler("1", starting, 0, proof)}, nil, "", fleet.WaitConductor, ""},
		"nothing there":                     {nil, nil, "", fleet.WaitConductor, ""},
		"a full one":                        {have{crawler("1", serving, 2)}, nil, "", fleet.WaitConductor, ""},
		"coming slots are others'":          {have{crawler("1", starting, 0), queue(2)}, nil, "", fleet.WaitConductor, ""},
		"a coming slot is left":             {have{crawler("1", starting, 0), queue(1)}, nil, "", fleet.WaitStarting, ""},
		"plan's crawlers":                   {have{crawler("1", serving, 2), crawler("2", retired, 0), crawler("3", draining, 0)}, nil, "", fleet.WaitSlot, ""},
		"plan's slots":                      {have{crawler("1", serving, 1), limits(fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 1})}, nil, "", fleet.WaitSlots, ""},
		"both of the plan's limits":         {have{crawler("1", serving, 2), limits(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2, MaxSlots: 2})}, nil, "", fleet.WaitSlot, ""},
		"place that fits":                   {have{crawler("1", serving, 0), crawler("2", serving, 1, at("b"))}, wish{in("US")}, "2", "", ""},
		"place of none that serves":         {have{crawler("1", serving, 0)}, wish{in("US")}, "", fleet.WaitConductor, ""},
		"place that does not exist":         {have{crawler("1", serving, 0)}, wish{in("FR")}, "", fleet.WaitNoPlace, fleet.CodeInvalid},
		"no offerings at all":               {have{nowhere}, nil, "", fleet.WaitNoPlace, fleet.CodeCapacity},
		"no offerings but a crawler":        {have{nowhere, crawler("1", serving, 0)}, nil, "1", "", ""},
		"all full":                          {have{atPlace("a", full), atPlace("b", full)}, nil, "", fleet.WaitCapacity, ""},
		"all cooling":                       {have{cooling(fleet.Scoped{Offering: "a"}, time.Minute), cooling(fleet.Scoped{Account: "of-b"}, time.Minute)}, nil, "", fleet.WaitCooldown, ""},
		"cooled down":                       {have{cooling(fleet.Scoped{Offering: "a"}, 0), cooling(fleet.Scoped{Region: "region-b", Provider: "process"}, 0)}, nil, "", fleet.WaitConductor, ""},
		"one full, one cooling":             {have{atPlace("a", full), cooling(fleet.Scoped{Region: "region-b", Provider: "process"}, time.Minute)}, nil, "", fleet.WaitCooldown, ""},
		"too many launches":                 {have{unplaced(2, 2)}, nil, "", fleet.WaitUnplaced, ""},
		"provisioning":                      {have{tenantIs(fleet.TenantProvisioning)}, nil, "", fleet.WaitTenant, ""},
		"deleting":                          {have{tenantIs(fleet.TenantDeleting), crawler("1", serving, 0)}, nil, "", "", fleet.CodeTenantNotReady},
		"where it was":                      {have{crawler("1", serving, 0), crawler("2", serving, 1)}, wish{prefer("2")}, "2", "", ""},
		"not where it comes from":           {have{crawler("1", serving, 0), crawler("2", serving, 1)}, wish{avoid("1", false)}, "2", "", ""},
		"there if there is no other":        {have{crawler("1", serving, 0)}, wish{avoid("1", false)}, "1", "", ""},
		"never there":                       {have{crawler("1", serving, 0)}, wish{avoid("1", true)}, "", fleet.WaitConductor, ""},
		"new session is free":               {have{crawler("1", serving, 0)}, wish{keeps("fail")}, "1", "", ""},
		"session's crawler":                 {have{crawler("1", serving, 0), crawler("2", serving, 1), session("2", 0)}, wish{keeps("")}, "2", "", ""},
		"session's crawler is busy":         {have{crawler("1", serving, 0), crawler("2", serving, 2), session("2", 0)}, wish{keeps("")}, "", fleet.WaitSession, ""},
		"session is still on one":           {have{crawler("1", serving, 0), crawler("2", draining, 1), session("2", 1)}, wish{keeps("")}, "", fleet.WaitSession, ""},
		"session was lost, still on it":     {have{crawler("1", serving, 0), crawler("2", serving, 1), session("2", 1)}, wish{keeps(""), avoid("2", true)}, "", fleet.WaitSession, ""},
		"session elsewhere than place":      {have{crawler("1", serving, 0), crawler("2", serving, 0, at("b")), session("1", 0)}, wish{keeps(""), in("US")}, "2", "", ""},
		"session elsewhere, still there":    {have{crawler("1", serving, 1), crawler("2", serving, 0, at("b")), session("1", 1)}, wish{keeps(""), in("US")}, "", fleet.WaitSession, ""},
		"preferred takes any":               {have{crawler("1", serving, 0), session("9", 0)}, wish{keeps("preferred")}, "1", "", ""},
		"preferred has the address":         {have{crawler("1", serving, 0), crawler("2", serving, 1, address("addr-9")), session("9", 0)}, wish{keeps("preferred")}, "2", "", ""},
		"required does not take any":        {have{crawler("1", serving, 0), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitConductor, ""},
		"required has the address":          {have{crawler("1", serving, 0), crawler("2", serving, 1, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "2", "", ""},
		"required, address starts":          {have{crawler("2", starting, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitStarting, ""},
		"required, address is busy":         {have{crawler("2", serving, 2, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, address is leaving":      {have{crawler("2", retired, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, address is another's":    {have{atPlace("a", taken("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, not to be asked for":     {have{atPlace("a", noPins), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, place is full":           {have{atPlace("a", full), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitCapacity, ""},
		"required, place cools":             {have{cooling(fleet.Scoped{Offering: "a"}, time.Minute), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitCooldown, ""},
		"required, address elsewhere":       {have{session("9", 0)}, wish{keeps("required"), in("US")}, "", "", fleet.CodeInvalid},
		"required, shared address":          {have{atPlace("a", shared), crawler("1", serving, 0, address("addr-9")), crawler("2", serving, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "1", "", ""},
		"required, shared, new one":         {have{atPlace("a", shared), atPlace("a", noPins), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitConductor, ""},
		"fail, address to be had":           {have{session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitConductor, ""},
		"fail, address is another's":        {have{atPlace("a", taken("addr-9")), session("9", 0)}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, address is leaving":          {have{crawler("2", retired, 0, address("addr-9")), session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitSession, ""},
		"fail, place is full":               {have{atPlace("a", full), session("9", 0)}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, place is no longer there":    {have{session("9", 0), func(s *plan.State) { s.Offerings = s.Offerings[:1] }}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, only the plan is in the way": {have{crawler("1", serving, 0), crawler("2", serving, 0), crawler("3", serving, 0), session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitSlot, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := plan.Route(state(c.have...), demand(c.wish...))
			require.Equal(t, c.to, got.GUID, got.Reason)
			require.Equal(t, c.wait, got.Wait.Code, got.Reason)
			require.Equal(t, c.fail, failCode(got.Fail), got.Reason)
			require.NotEmpty(t, got.Reason)
		})
	}
}

func failCode(e *fleet.Error) fleet.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

func TestRoute_ExplainsEveryCandidate(t *testing.T) {
	t.Parallel()
	s := state(crawler("1", serving, 1), crawler("2", starting, 0), crawler("3", serving, 2))
	s.Explain = true
	got := plan.Route(s, demand())
	require.Len(t, got.Candidates, 5)
	for _, c := range got.Candidates {
		require.NotEmpty(t, c.Reason)
		require.Equal(t, c.GUID == "1", c.Chosen)
	}
}
