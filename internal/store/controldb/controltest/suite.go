package controltest

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Control is what is under test.
type Control interface {
	fleet.Control
	fleet.Reader
	// Claimable is what the data plane asks at every claim.
	Claimable(ctx context.Context, t fleet.TenantID, id fleet.TicketID,
		g fleet.GUID, epoch int64) (fleet.TicketInput, error)
	fleet.Gatekeeper
}

// Config is what a factory has to honour.
type Config struct {
	Offerings    []fleet.Offering
	Pins         []fleet.ProviderKind
	UnplacedMax  int
	AllowPrivate []netip.Prefix
	AllowPorts   []int
	IgnoreRobots []fleet.TenantID
	Patience     time.Duration // how long another tenant waits before a crawler is drained for it
	Clock        func() time.Time
	NewGUID      func() fleet.GUID
}

// Factory opens an empty control store that is closed with the test.
type Factory func(t testing.TB, c Config) Control

// Exercise runs the suite, with so many random orders of the operations, at most what
// -rapid.checks says.
func Exercise(t *testing.T, open Factory, orders int) {
	for name, test := range map[string]func(*testing.T, Factory){
		"Route": testRoute, "Fence": testFence, "Record": testRecord, "Crawler": testCrawler, "Admit": testAdmit,
		"Decide": testDecide, "Session": testSession, "Loss": testLoss, "Books": testBooks,
		"Suspend": testSuspend, "Story": testStory, "Plan": testPlan, "Steer": testSteer, "Webhook": testWebhook,
		"Keep": testKeep, "Keys": testKeys, "Mend": testMend,
		"Tenant": testTenant, "Reader": testReader, "Fairness": testFairness,
		"Together": testTogether, "Egress": testEgress, "Offering": testOffering, "Leftover": testLeftover,
		"AnyOrder": func(t *testing.T, open Factory) { testAnyOrder(t, open, orders) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

// part is one behaviour of a test.
type part struct {
	name string
	do   func(*testing.T, Factory)
}

// each runs the parts in their order, every one on a store of its own.
func each(t *testing.T, open Factory, parts []part) {
	t.Helper()
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) { p.do(t, open) })
	}
}
