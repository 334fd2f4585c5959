package fleet

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The defaults and limits of a ticket, each with its reason.
const (
	DefaultPriority    = 3
	DefaultMaxDepth    = 100                    // deeper is nearly always a trap
	DefaultDelay       = 500 * time.Millisecond // polite to a small site
	DefaultConcurrency = 8
	DefaultTimeout     = 30 * time.Second
	DefaultMaxBody     = 10 << 20
	DefaultRetries     = 2
	MaxSeeds           = 50_000 // what fits into one document of 1 MiB
	MaxURL             = 4096   // longer ones are traps or mistakes
	MaxAttempts        = 100
)

// ParseTicket reads a ticket document strictly, checks it and sets its defaults.
// An unknown field is an error that names it; so is one that is not honoured yet.
func ParseTicket(b []byte) (TicketInput, error) {
	var in TicketInput
	if err := decodeStrict(b, &in, ""); err != nil {
		return in, err
	}
	return in.Normalise()
}

// Normalise checks the ticket and sets every default, so that two requests that
// mean the same have the same Hash. It does not look at the clock.
func (in TicketInput) Normalise() (TicketInput, error) {
	for _, check := range []func() error{
		in.Tenant.Validate, in.checkID, in.checkSeeds, in.checkScope, in.checkCanonical, in.checkSources, in.checkFetch, in.checkPorts,
		in.checkExtract, in.checkRecrawl, in.checkSession, in.checkPlace, in.checkLimits,
	} {
		if err := check(); err != nil {
			return in, err
		}
	}
	return in.withDefaults(), nil
}

func (in TicketInput) checkID() error {
	if in.ID == "" {
		return nil
	}
	return in.ID.Validate()
}

func (in TicketInput) checkSeeds() error {
	if len(in.URLs) == 0 {
		return Invalid("urls", "is empty", "at least one http or https URL")
	}
	if len(in.URLs) > MaxSeeds {
		return Invalid("urls", fmt.Sprintf("has %d entries", len(in.URLs)),
			fmt.Sprintf("at most %d", MaxSeeds))
	}
	for i, u := range in.URLs {
		if _, err := parseSeed(u); err != nil {
			return Invalid(fmt.Sprintf("urls[%d]", i), err.Error(), "an absolute http or https URL")
		}
	}
	return nil
}

func parseSeed(s string) (*url.URL, error) {
	if len(s) > MaxURL {
		return nil, fmt.Errorf("has %d characters, at most %d", len(s), MaxURL)
	}
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL", clip(s, 120))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q has the scheme %q", clip(s, 120), u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host", clip(s, 120))
	case u.User != nil:
		return nil, fmt.Errorf("%q carries a user or password", u.Redacted())
	}
	return u, nil
}

// typePattern is RFC 6838's, in lower case, with a * for any subtype.
var typePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,126})$`)

func (in TicketInput) checkFetch() error {
	f := in.Fetch
	if f.Delay != nil {
		if d := f.Delay.Std(); d < 0 || d > time.Hour {
			return Invalid("fetch.delay", d.String()+" is out of range", "0s to 1h")
		}
	}
	if d := f.Timeout.Std(); d != 0 && (d < 100*time.Millisecond || d > 10*time.Minute) {
		return Invalid("fetch.timeout", d.String()+" is out of range", "100ms to 10m")
	}
	if f.Retries != nil {
		if err := between("fetch.retries", int64(*f.Retries), 0, 10); err != nil {
			return err
		}
	}
	if err := between("fetch.concurrency", int64(f.Concurrency), 0, 64); err != nil {
		return err
	}
	if len(f.Types) > 50 {
		return Invalid("fetch.types", fmt.Sprintf("has %d entries", len(f.Types)), "at most 50")
	}
	for i, t := range f.Types {
		if !typePattern.MatchString(t) {
			return Invalid(fmt.Sprintf("fetch.types[%d]", i), fmt.Sprintf("%q is not a content type", clip(t, 80)),
				"a type such as text/html or image/*, in lower case")
		}
	}
	if f.MaxCrawlDelay != nil {
		if d := f.MaxCrawlDelay.Std(); d < 0 || d > time.Hour {
			return Invalid("fetch.maxCrawlDelay", d.String()+" is out of range", "0s to 1h")
		}
	}
	if err := oneOf("fetch.robots", f.Robots, RobotsObey, RobotsIgnore); err != nil {
		return err
	}
	if err := oneOf("fetch.clock", f.Clock, ClockHost, ClockAddress); err != nil {
		return err
	}
	return between("fetch.maxBody", f.MaxBody, 0, 100<<20)
}

// oneOf refuses what is neither empty nor one of the values.
func oneOf(field, value string, values ...string) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return Invalid(field, fmt.Sprintf("%q is not known", clip(value, 40)), strings.Join(values, " or "))
}

func (in TicketInput) checkRecrawl() error {
	if in.Recrawl == nil {
		return nil
	}
	if id := TicketID(strings.TrimSuffix(in.Recrawl.Of, "*")); id.Validate() != nil || id == in.ID {
		return Invalid("recrawl.of", fmt.Sprintf("%q is not another ticket", clip(in.Recrawl.Of, 80)),
			"a ticket's id, or the beginning of one with a * behind")
	}
	return nil
}

var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

func (in TicketInput) checkPlace() error {
	for i, c := range in.Place.Countries {
		if !countryPattern.MatchString(c) {
			return Invalid(fmt.Sprintf("place.countries[%d]", i), fmt.Sprintf("%q is not a country", clip(c, 40)),
				"two capital letters (ISO 3166-1)")
		}
	}
	return in.checkAddress()
}

// checkAddress refuses what contradicts: a session has the address that it is bound to.
func (in TicketInput) checkAddress() error {
	p := in.Place
	if p.Address != "" {
		if a, err := netip.ParseAddr(p.Address); err != nil || a.String() != p.Address || a.Is4In6() {
			return Invalid("place.address", fmt.Sprintf("%q is not an address", clip(p.Address, 60)),
				"an IPv4 or IPv6 address in its shortest form")
		}
	}
	switch {
	case p.Address != "" && p.FreshAddress:
		return Invalid("place.freshAddress", "contradicts place.address", "one of the two")
	case in.Session != nil && p.Address != "":
		return Invalid("place.address", "contradicts session, which has an address of its own", "one of the two")
	case in.Session != nil && p.FreshAddress:
		return Invalid("place.freshAddress", "contradicts session, which keeps its address", "one of the two")
	default:
		return nil
	}
}

func (in TicketInput) checkLimits() error {
	if err := validateLabels(in.Labels); err != nil {
		return err
	}
	if err := between("priority", int64(in.Priority), 0, 5); err != nil {
		return err
	}
	if err := between("attempt", int64(in.Attempt), 0, MaxAttempts); err != nil {
		return err
	}
	// Any fixed instant will do: only the form is checked here.
	for _, m := range []struct {
		field  string
		moment Moment
	}{{"deadline", in.Deadline}, {"startAt", in.StartAt}} {
		if _, err := m.moment.Resolve(time.Unix(0, 0)); err != nil {
			return Invalid(m.field, err.Error(), `a duration such as "10m" or an RFC 3339 instant`)
		}
	}
	if in.MaxCost != nil {
		if err := in.MaxCost.check("maxCost"); err != nil {
			return err
		}
	}
	if in.Webhook != "" {
		if err := checkWebhookURL("webhook", in.Webhook); err != nil {
			return err
		}
	}
	return nil
}

// withDefaults sets every default but the scope's hosts, which follow from the
// seeds, and the page limit, which follows from the plan.
func (in TicketInput) withDefaults() TicketInput {
	set(&in.Priority, DefaultPriority)
	set(&in.Fetch.Concurrency, DefaultConcurrency)
	set(&in.Fetch.Timeout, Duration(DefaultTimeout))
	set(&in.Fetch.MaxBody, DefaultMaxBody)
	set(&in.Fetch.Robots, RobotsObey)
	set(&in.Attempt, 1)
	setPointer(&in.Fetch.Delay, Duration(DefaultDelay))
	setPointer(&in.Fetch.Retries, DefaultRetries)
	setPointer(&in.Scope.MaxDepth, DefaultMaxDepth)
	in.URLs = slices.Clone(in.URLs)
	for i, u := range in.URLs {
		in.URLs[i] = strings.TrimSpace(u)
	}
	if in.Session != nil {
		s := *in.Session
		set(&s.OnLoss, LossPreferred)
		in.Session = &s
	}
	return in
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func setPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
