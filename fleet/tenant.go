package fleet

import "time"

// The wire names of the Tenant workflow.
const (
	TenantWorkflow = "Tenant"

	// TenantApply is the update that changes the plan (TenantInput in, TenantStatus out).
	TenantApply = "apply"
	// TenantPlan is the update that changes parts of the plan (PlanRequest in,
	// TenantStatus out).
	TenantPlan = "plan"
	// TenantSuspend and TenantResume are the updates that drain the tenant to zero and
	// let it go on (SuspendRequest and ResumeRequest in, TenantStatus out).
	TenantSuspend = "suspend"
	TenantResume  = "resume"
	// TenantAddKey and TenantRevokeKey are the updates that give and take a key to the
	// tenant's pages (KeyRequest and RevokeRequest in, KeyRow out). A key's digest
	// travels, the key itself never does.
	TenantAddKey    = "addKey"
	TenantRevokeKey = "revokeKey"
	// TenantDelete is the update that asks for deletion (nothing or a DeleteRequest in,
	// TenantStatus out); the workflow ends when everything is gone.
	TenantDelete = "delete"
	// TenantQuery is the query that answers a TenantStatus.
	TenantQuery = "status"
)

const tenantPrefix = "tenant/"

// TenantWorkflowID is the workflow id of an account.
func TenantWorkflowID(t TenantID) string { return tenantPrefix + string(t) }

// TenantState says where an account is in its life.
type TenantState string

// The states of a tenant.
const (
	TenantProvisioning TenantState = "provisioning"
	TenantReady        TenantState = "ready"
	TenantSuspended    TenantState = "suspended" // no crawler runs, tickets are taken and wait
	TenantFailed       TenantState = "failed"    // provisioning failed and was compensated
	TenantDeleting     TenantState = "deleting"
	TenantDeleted      TenantState = "deleted"
)

// Plan is what an account may use. The zero value of a field is its default.
type Plan struct {
	// MaxCrawlers is the most crawlers at one time, 1 to 1000; default 5.
	MaxCrawlers int `json:"maxCrawlers,omitempty"`
	// SlotsPerCrawler is how many tickets one crawler serves at a time, 1 to 64; default 4.
	SlotsPerCrawler int `json:"slotsPerCrawler,omitempty"`
	// MaxSlots is the most tickets served at one time, over all crawlers; default
	// MaxCrawlers times SlotsPerCrawler.
	MaxSlots int `json:"maxSlots,omitempty"`
	// MaxPages is the most pages of one ticket, 1 to 10,000,000; default 100,000.
	// A ticket that reaches it ends "limited" with its results kept.
	MaxPages int64 `json:"maxPages,omitempty"`
	// IdleAfter is how long a crawler may be idle before it is retired; default the
	// offering's, by its billing grain.
	IdleAfter Duration `json:"idleAfter,omitempty"`
	// Weight is the tenant's fair share, 1 to 1000; default 1.
	Weight int `json:"weight,omitempty"`
	// MaxWaiting is the most tickets that may wait at one time, 1 to 1,000,000; default
	// 10,000. One more is refused with quota_exceeded before it is accepted.
	MaxWaiting int `json:"maxWaiting,omitempty"`
	// MaxSpend is the most that the tenant may cost in a calendar month (UTC); default
	// no limit. When it is reached its crawlers drain and its tickets wait for the next
	// month or a larger plan; their results are kept.
	MaxSpend *Money `json:"maxSpend,omitempty"`
	// Keep says how long what has ended is kept.
	Keep Retention `json:"keep,omitzero"`
}

// Retention says how long what has ended is kept. The zero value of a field is its
// default. Temporal's own histories have one retention for the whole fleet, which is
// the setting temporal.retention.
type Retention struct {
	// Results are a ticket's pages and frontier, 1h to 87600h; default 2160h (90 days).
	Results Duration `json:"results,omitempty"`
	// Logs are those of crawlers that are gone, 1h to 9600h; default 168h (7 days).
	Logs Duration `json:"logs,omitempty"`
	// Rows are tickets, decisions, crawlers, deliveries and sessions with their cookies, 1h to 87600h; default 9600h
	// (400 days). The ledger is never shorter kept than 400 days.
	Rows Duration `json:"rows,omitempty"`
}

// The defaults of a plan.
const (
	DefaultMaxCrawlers     = 5
	DefaultSlotsPerCrawler = 4
	DefaultMaxPages        = 100_000
	DefaultWeight          = 1
	DefaultMaxWaiting      = 10_000
	DefaultKeepResults     = 90 * 24 * time.Hour
	DefaultKeepLogs        = 7 * 24 * time.Hour
	DefaultKeepRows        = 400 * 24 * time.Hour
)

// WithDefaults gives the plan with every zero field set.
func (p Plan) WithDefaults() Plan {
	if p.MaxCrawlers == 0 {
		p.MaxCrawlers = DefaultMaxCrawlers
	}
	if p.SlotsPerCrawler == 0 {
		p.SlotsPerCrawler = DefaultSlotsPerCrawler
	}
	if p.MaxSlots == 0 {
		p.MaxSlots = p.MaxCrawlers * p.SlotsPerCrawler
	}
	if p.MaxPages == 0 {
		p.MaxPages = DefaultMaxPages
	}
	set(&p.Weight, DefaultWeight)
	set(&p.MaxWaiting, DefaultMaxWaiting)
	set(&p.Keep.Results, Duration(DefaultKeepResults))
	set(&p.Keep.Logs, Duration(DefaultKeepLogs))
	set(&p.Keep.Rows, Duration(DefaultKeepRows))
	return p
}

// Changed gives the plan with every field of c that is set; what is not set stays. A
// MaxSlots that is what its default would be goes on following the crawlers and slots.
func (p Plan) Changed(c Plan) Plan {
	followed := p.MaxSlots == p.MaxCrawlers*p.SlotsPerCrawler
	change(&p.MaxCrawlers, c.MaxCrawlers)
	change(&p.SlotsPerCrawler, c.SlotsPerCrawler)
	if followed {
		p.MaxSlots = p.MaxCrawlers * p.SlotsPerCrawler
	}
	change(&p.MaxSlots, c.MaxSlots)
	change(&p.MaxPages, c.MaxPages)
	change(&p.IdleAfter, c.IdleAfter)
	change(&p.Weight, c.Weight)
	change(&p.MaxWaiting, c.MaxWaiting)
	change(&p.MaxSpend, c.MaxSpend)
	change(&p.Keep.Results, c.Keep.Results)
	change(&p.Keep.Logs, c.Keep.Logs)
	change(&p.Keep.Rows, c.Keep.Rows)
	return p
}

func change[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// Validate names the first field that is out of range.
func (p Plan) Validate() error {
	for _, c := range []struct {
		field    string
		value    int64
		min, max int64
	}{
		{"plan.maxCrawlers", int64(p.MaxCrawlers), 0, 1000},
		{"plan.slotsPerCrawler", int64(p.SlotsPerCrawler), 0, 64},
		{"plan.maxSlots", int64(p.MaxSlots), 0, 64_000},
		{"plan.maxPages", p.MaxPages, 0, 10_000_000},
		{"plan.idleAfter", int64(p.IdleAfter), 0, int64(24 * 3600 * 1e9)},
		{"plan.weight", int64(p.Weight), 0, 1000},
		{"plan.maxWaiting", int64(p.MaxWaiting), 0, 1_000_000},
	} {
		if err := between(c.field, c.value, c.min, c.max); err != nil {
			return err
		}
	}
	if p.MaxSpend != nil {
		if err := p.MaxSpend.check("plan.maxSpend"); err != nil {
			return err
		}
	}
	return p.Keep.validate()
}

func (r Retention) validate() error {
	for _, c := range []struct {
		field string
		value Duration
		most  time.Duration
	}{
		{"plan.keep.results", r.Results, 87_600 * time.Hour},
		{"plan.keep.logs", r.Logs, 9_600 * time.Hour},
		{"plan.keep.rows", r.Rows, 87_600 * time.Hour},
	} {
		if d := c.value.Std(); d != 0 && (d < time.Hour || d > c.most) {
			return Invalid(c.field, d.String()+" is out of range", "1h to "+Duration(c.most).String())
		}
	}
	return nil
}

// TenantInput starts a Tenant workflow and is the document of `tenant apply`.
type TenantInput struct {
	Tenant TenantID          `json:"tenant"`
	Name   string            `json:"name,omitempty"` // for people, up to 200 characters
	Labels map[string]string `json:"labels,omitempty"`
	Plan   Plan              `json:"plan,omitzero"`
	// Webhooks are told how the tenant's tickets end, at most 10.
	Webhooks []Webhook `json:"webhooks,omitempty"`
}

// Validate names the first field that is wrong.
func (in TenantInput) Validate() error {
	if err := in.Tenant.Validate(); err != nil {
		return err
	}
	if len(in.Name) > 200 {
		return Invalid("name", "is too long", "at most 200 characters")
	}
	if err := validateLabels(in.Labels); err != nil {
		return err
	}
	if err := validateWebhooks(in.Webhooks); err != nil {
		return err
	}
	return in.Plan.Validate()
}

// ParseTenant reads a tenant document strictly: an unknown field is an error that names it.
func ParseTenant(b []byte) (TenantInput, error) {
	var in TenantInput
	if err := decodeStrict(b, &in, ""); err != nil {
		return in, err
	}
	return in, in.Validate()
}

// TenantStep is one step of provisioning or deletion, for people and for the demo.
type TenantStep struct {
	Name   string   `json:"name"`
	Done   bool     `json:"done"`
	Took   Duration `json:"took,omitempty"`
	Detail string   `json:"detail,omitempty"`
}

// TenantStatus answers the query and the updates of a Tenant workflow.
type TenantStatus struct {
	Tenant   TenantID          `json:"tenant"`
	Name     string            `json:"name,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	State    TenantState       `json:"state"`
	Reason   string            `json:"reason,omitempty"` // why it is in this state
	Plan     Plan              `json:"plan"`
	Webhooks []Webhook         `json:"webhooks,omitempty"`
	// Spent is what this calendar month (UTC) has cost so far by the ledger; it is
	// zero where a workflow answers, which does not know it.
	Spent Money `json:"spent,omitzero"`
	// Held says why nothing of the tenant runs although it is ready: its spend cap.
	Held  *Wait        `json:"held,omitempty"`
	Steps []TenantStep `json:"steps,omitempty"`
	// Keys are those that open the tenant's pages, where a workflow answers.
	Keys  []KeyRow `json:"keys,omitempty"`
	Error *Error   `json:"error,omitempty"`
}
