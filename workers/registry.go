package workers

import (
	"slices"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// named is one activity with its wire name.
type named struct {
	name string
	do   any
}

// register registers activities under exactly these names.
func register(r worker.ActivityRegistry, all []named) {
	for _, a := range all {
		r.RegisterActivityWithOptions(a.do, activity.RegisterOptions{Name: a.name})
	}
}

// Activities lists the wire names of all activities that are registered, on whatever queue.
func Activities() []string {
	s := &set{} // names need no store
	ctl, crawl := container(CrawlerOptions{})
	var names []string
	for _, a := range slices.Concat(s.control(), s.launch(), s.deliver(), ctl, crawl) {
		names = append(names, a.name)
	}
	return names
}

// set is every activity struct of the control side.
type set struct {
	courier    *activities.Courier
	tickets    *activities.Tickets
	conductors *activities.Conductors
	crawlers   *activities.Crawlers
	machines   *activities.Machines
	tenants    *activities.Tenants
	deliveries *activities.Deliveries
}

func newSet(o ControlOptions) *set {
	courier := &activities.Courier{Temporal: o.Client, Desk: o.Control, Retry: o.Retry, Log: o.Log}
	machines := &activities.Machines{
		Fleet: o.Fleet, Providers: o.Providers, Desk: o.Control, Env: o.Env, Token: o.Token,
	}
	return &set{
		courier: courier,
		tickets: &activities.Tickets{
			Desk: o.Control, Data: o.Data, Courier: courier, Machines: machines, Allow: o.Allow, Log: o.Log,
		},
		conductors: &activities.Conductors{Desk: o.Control, Courier: courier},
		crawlers: &activities.Crawlers{
			Desk: o.Control, Temporal: o.Client, Namespace: o.Namespace, Courier: courier,
			Machines: machines, Proven: o.Proven,
			Count: o.Count,
		},
		machines: machines,
		tenants: &activities.Tenants{
			Control: o.Control, Data: o.Data, Fleet: o.Fleet, Providers: o.Providers,
			Temporal: o.Client, Namespace: o.Namespace,
			Courier: courier, Allow: o.Allow,
		},
		deliveries: &activities.Deliveries{Desk: o.Control, Poster: o.Poster, Courier: courier, Count: o.Count},
	}
}

// control is what runs on the control queue.
func (s *set) control() []named {
	return []named{
		{activities.ActivityRoute, s.tickets.Route},
		{activities.ActivityRecord, s.tickets.Record},
		{activities.ActivityDecide, s.conductors.Decide},
		{activities.ActivityLaunching, s.crawlers.Launching},
		{activities.ActivityServing, s.crawlers.Serving},
		{activities.ActivityRetire, s.crawlers.Retire},
		{activities.ActivityDrain, s.crawlers.Drain},
		{activities.ActivityBury, s.crawlers.Bury},
		{activities.ActivityFail, s.crawlers.Fail},
		{activities.ActivitySettle, s.crawlers.Settle},
		{activities.ActivitySetAside, s.deliveries.SetAside},
		{activities.ActivityRedeliver, s.deliveries.Redeliver},
		{activities.ActivityAdmit, s.tenants.Admit},
		{activities.ActivityOpenAccount, s.tenants.OpenAccount},
		{activities.ActivityCreateDatabase, s.tenants.CreateDatabase},
		{activities.ActivityDestroyDatabase, s.tenants.DestroyDatabase},
		{activities.ActivityCheckQueue, s.tenants.CheckQueue},
		{activities.ActivityReserveProof, s.tenants.ReserveProof},
		{activities.ActivityMoveTenant, s.tenants.MoveTenant},
		{activities.ActivityChangePlan, s.tenants.ChangePlan},
		{activities.ActivityReplan, s.tenants.Replan},
		{activities.ActivitySuspend, s.tenants.Suspend},
		{activities.ActivityResume, s.tenants.Resume},
		{activities.ActivityCondemn, s.tenants.Condemn},
		{activities.ActivityAddKey, s.tenants.AddKey},
		{activities.ActivityRevokeKey, s.tenants.RevokeKey},
		{activities.ActivityEndTickets, s.tenants.EndTickets},
		{activities.ActivityEndCrawlers, s.tenants.EndCrawlers},
		{activities.ActivityPurgeCrawlers, s.tenants.PurgeCrawlers},
		{activities.ActivityDeleteWorkflows, s.tenants.DeleteWorkflows},
		{activities.ActivityFindTraces, s.tenants.FindTraces},
		{activities.ActivityEraseRows, s.tenants.EraseRows},
	}
}

// launch is what runs on an account's launch queue: where its credentials are.
func (s *set) launch() []named {
	return []named{
		{activities.ActivityLaunch, s.machines.Launch},
		{activities.ActivityDescribe, s.machines.Describe},
		{activities.ActivityStop, s.machines.Stop},
	}
}

// deliver is what runs on the deliver queue: what a receiver that hangs may hold up.
func (s *set) deliver() []named {
	return []named{{fleet.ActivitySend, s.deliveries.Send}}
}

func (s *set) reaper(o ControlOptions) *activities.Reaper {
	return &activities.Reaper{
		Control: o.Control, Data: o.Data,
		Temporal: o.Client, Machines: s.machines,
		Courier: s.courier, Namespace: o.Namespace, Interval: o.ReapEvery, ListEvery: o.ListEvery,
		Running: o.Running, Clock: o.Clock, Count: o.Count, Log: o.Log,
	}
}

func (s *set) market(o ControlOptions) *activities.Market {
	return &activities.Market{
		Desk: o.Control, Providers: o.Providers, IdleAfter: o.IdleAfter, Every: o.MarketEvery,
		Count: o.Count, Log: o.Log,
	}
}

func (s *set) watch(o ControlOptions) *activities.Watch {
	return &activities.Watch{
		Fleet: o.Fleet, Providers: o.Providers, Temporal: o.Client, Log: o.Log,
	}
}

func (s *set) keeper(o ControlOptions) *activities.Keeper {
	return &activities.Keeper{
		Rows: o.Control, Results: o.Data, Machines: s.machines, Courier: s.courier,
		SpendEvery: o.SpendEvery, Every: o.KeepEvery, Count: o.Count, Log: o.Log,
	}
}

// container is what a crawler registers.
func container(o CrawlerOptions) (ctl, crawl []named) {
	return []named{{fleet.ActivityHello, o.Hello}, {fleet.ActivityServe, o.Serve}},
		[]named{{fleet.ActivityCrawl, o.Crawl}}
}
