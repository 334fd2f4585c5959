package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/activity"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Tenants holds what is opened and closed with an account: its rows, its database
// and the workflows that work for it.
type Tenants struct {
	Control   fleet.Control
	Data      fleet.TenantData
	Fleet     fleet.FleetID
	Providers Providers
	Temporal  Temporal
	Namespace string
	Courier   *Courier
	// Allow lists the private networks that the operator lets webhooks be in.
	Allow []netip.Prefix
}

// Admit reads a tenant document strictly.
func (t *Tenants) Admit(_ context.Context, document json.RawMessage) (fleet.TenantInput, error) {
	in, err := t.parse(document)
	return in, ToTemporal(err)
}

func (t *Tenants) parse(document json.RawMessage) (fleet.TenantInput, error) {
	in, err := fleet.ParseTenant(document)
	if err != nil {
		return in, err
	}
	return in, in.CheckPrivate(t.Allow)
}

// OpenAccount creates the tenant's row, or answers the one that exists.
func (t *Tenants) OpenAccount(ctx context.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
	status, err := t.Control.OpenTenant(ctx, in)
	if err != nil {
		return status, wrapped("open the account", err)
	}
	status.Keys, err = t.keys(ctx, in.Tenant)
	return status, wrapped("list the keys", err)
}

// keys lists those that are valid.
func (t *Tenants) keys(ctx context.Context, id fleet.TenantID) ([]fleet.KeyRow, error) {
	reader, ok := t.Control.(fleet.KeyReader)
	if !ok {
		return nil, nil
	}
	all, err := reader.Keys(ctx, id)
	return slices.DeleteFunc(all, func(k fleet.KeyRow) bool { return !k.Valid(time.Now()) }), err
}

// CreateDatabase makes the tenant's database.
func (t *Tenants) CreateDatabase(ctx context.Context, id fleet.TenantID) error {
	return wrapped("create the database", t.Data.Create(ctx, id))
}

// DestroyDatabase removes the tenant's database. It heartbeats.
func (t *Tenants) DestroyDatabase(ctx context.Context, id fleet.TenantID) error {
	defer alive(ctx)()
	return wrapped("destroy the database", t.Data.Destroy(ctx, id))
}

// CheckQueue proves that the namespace that carries the queues answers and knows
// the search attributes, so that the first ticket does not find out.
func (t *Tenants) CheckQueue(ctx context.Context) error {
	answer, err := t.Temporal.OperatorService().ListSearchAttributes(ctx,
		&operatorservice.ListSearchAttributesRequest{Namespace: t.Namespace})
	if err != nil {
		return fmt.Errorf("ask namespace %s: %w", t.Namespace, err)
	}
	for _, name := range fleet.SearchAttributes() {
		if _, ok := answer.GetCustomAttributes()[name]; !ok {
			return ToTemporal(fleet.Errorf(fleet.CodeNotFound,
				fmt.Sprintf("namespace %s has no search attribute %s", t.Namespace, name)).
				WithHint("temporal operator search-attribute create --type Keyword --name " + name))
		}
	}
	return nil
}

// ReserveProof reserves the crawler that proves a provisioning.
func (t *Tenants) ReserveProof(ctx context.Context, id fleet.TenantID) (fleet.CrawlerInput, error) {
	in, err := t.Control.ReserveProof(ctx, id)
	return in, wrapped("reserve the proof crawler", err)
}

// MoveInput names the state that a tenant goes to, and why.
type MoveInput struct {
	Tenant fleet.TenantID    `json:"tenant"`
	State  fleet.TenantState `json:"state"`
	Reason string            `json:"reason,omitempty"`
}

// MoveTenant moves the tenant to a state and tells its Conductor where that helps.
func (t *Tenants) MoveTenant(ctx context.Context, in MoveInput) error {
	follow, err := t.Control.SetTenant(ctx, in.Tenant, in.State, in.Reason)
	if err != nil {
		return wrapped("set the tenant "+string(in.State), err)
	}
	t.Courier.Tell(ctx, follow)
	return nil
}

// ChangePlan changes plan, name, labels and webhooks to those of a document, and answers it
// read.
func (t *Tenants) ChangePlan(
	ctx context.Context, document json.RawMessage,
) (fleet.TenantInput, error) {
	in, err := t.parse(document)
	if err != nil {
		return in, ToTemporal(err)
	}
	follow, err := t.Control.SetPlan(ctx, in)
	if err != nil {
		return in, wrapped("change the plan", err)
	}
	t.Courier.Tell(ctx, follow)
	return in, nil
}

// noGrace drains at once; zero would be the default of a DrainRequest.
const noGrace = fleet.Duration(time.Millisecond)

const (
	endPause    = 50 * time.Millisecond // on one machine a cancelled ticket ends in that time
	endPauseMax = 2 * time.Second
)

// EndTickets cancels the tenant's open tickets and answers how many there were,
// when none is left. It heartbeats.
func (t *Tenants) EndTickets(ctx context.Context, id fleet.TenantID) (int, error) {
	most := 0
	for pause := endPause; ; pause = min(2*pause, endPauseMax) {
		open, err := t.Control.OpenTickets(ctx, id)
		if err != nil {
			return most, wrapped("list the open tickets", err)
		}
		if len(open) == 0 {
			return most, nil
		}
		most = max(most, len(open))
		for _, row := range open {
			if err := t.cancel(ctx, row); err != nil {
				return most, wrapped("cancel a ticket", err)
			}
		}
		activity.RecordHeartbeat(ctx, len(open))
		if err := wait(ctx, pause); err != nil {
			return most, err
		}
	}
}

// cancel asks a ticket's workflow to end, or ends the row of one that runs no more.
func (t *Tenants) cancel(ctx context.Context, row fleet.TicketRow) error {
	err := t.Temporal.CancelWorkflow(ctx, row.WorkflowID, "")
	if !notFound(err) {
		return err
	}
	return abandoned(ctx, ending{desk: t.Control, data: t.Data, courier: t.Courier}, row,
		fleet.OutcomeCancelled, "its tenant was deleted")
}

// EndCrawlers drains the tenant's crawlers without grace, ends its Conductor, and
// answers how many crawlers there were, when the provider has none left. Crawlers
// without a workflow are the reaper's. It heartbeats.
func (t *Tenants) EndCrawlers(ctx context.Context, id fleet.TenantID) (int, error) {
	if err := t.Temporal.CancelWorkflow(ctx, fleet.ConductorWorkflowID(id), ""); err != nil &&
		!notFound(err) {
		return 0, fmt.Errorf("end the conductor: %w", err)
	}
	known := map[fleet.GUID]bool{} // those that were asked to drain
	for pause := endPause; ; pause = min(2*pause, endPauseMax) {
		rows, err := t.Control.Crawlers(ctx, id)
		if err != nil {
			return len(known), wrapped("list the crawlers", err)
		}
		for _, row := range rows {
			if !known[row.GUID] {
				known[row.GUID] = true
				t.Courier.Drain(ctx, fleet.CrawlerRef{Tenant: id, GUID: row.GUID},
					fleet.DrainRequest{Reason: "the tenant is deleted", Grace: noGrace})
			}
		}
		if len(rows) == 0 {
			open, err := t.open(ctx, id, known)
			if err != nil || !open {
				return len(known), err
			}
		}
		activity.RecordHeartbeat(ctx, len(rows))
		if err := wait(ctx, pause); err != nil {
			return len(known), err
		}
	}
}

// open reports whether the workflow of a crawler still runs: its last step closes
// the books, for which the rows must not be erased.
func (t *Tenants) open(
	ctx context.Context, id fleet.TenantID, crawlers map[fleet.GUID]bool,
) (bool, error) {
	for guid := range crawlers {
		runs, err := runs(ctx, t.Temporal, fleet.CrawlerWorkflowID(id, guid))
		if runs || err != nil {
			return runs, err
		}
	}
	return false, nil
}

// EraseRows removes the tenant's rows and answers, for people, how many of which. It
// heartbeats.
func (t *Tenants) EraseRows(ctx context.Context, id fleet.TenantID) (string, error) {
	defer alive(ctx)()
	removed, err := t.Control.EraseTenant(ctx, id)
	if err != nil {
		return "", wrapped("erase the rows", err)
	}
	var parts []string
	for _, table := range slices.Sorted(maps.Keys(removed)) {
		parts = append(parts, fmt.Sprintf("%s %d", table, removed[table]))
	}
	return strings.Join(parts, ", "), nil
}

// wrapped names the operation and keeps the code.
func wrapped(op string, err error) error {
	if err == nil {
		return nil
	}
	return ToTemporal(fmt.Errorf("%s: %w", op, err))
}
