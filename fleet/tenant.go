package fleet

// The wire names of the Tenant workflow.
const (
	TenantWorkflow = "Tenant"

	// TenantApply is the update that changes the plan (TenantInput in, TenantStatus out).
	TenantApply = "apply"
	// TenantDelete is the update that asks for deletion (no input, TenantStatus out);
	// the workflow ends when everything is gone.
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
	TenantFailed       TenantState = "failed" // provisioning failed and was compensated
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
}

// The defaults of a plan.
const (
	DefaultMaxCrawlers     = 5
	DefaultSlotsPerCrawler = 4
	DefaultMaxPages        = 100_000
	DefaultWeight          = 1
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
	if p.Weight == 0 {
		p.Weight = DefaultWeight
	}
	return p
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
	} {
		if err := between(c.field, c.value, c.min, c.max); err != nil {
			return err
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
	return in.Plan.Validate()
}

// ParseTenant reads a tenant document strictly: an unknown field is an error that names it.
func ParseTenant(b []byte) (TenantInput, error) {
	var in TenantInput
	if err := decodeStrict(b, &in); err != nil {
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
	Tenant TenantID     `json:"tenant"`
	Name   string       `json:"name,omitempty"`
	State  TenantState  `json:"state"`
	Plan   Plan         `json:"plan"`
	Steps  []TenantStep `json:"steps,omitempty"`
	Error  *Error       `json:"error,omitempty"`
}
