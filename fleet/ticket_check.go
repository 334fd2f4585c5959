package fleet

import (
	"fmt"
	"maps"
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
	if err := decodeStrict(b, &in); err != nil {
		return in, err
	}
	return in.Normalise()
}

// Normalise checks the ticket and sets every default, so that two requests that
// mean the same have the same Hash. It does not look at the clock.
func (in TicketInput) Normalise() (TicketInput, error) {
	for _, check := range []func() error{
		in.Tenant.Validate, in.checkID, in.checkSeeds, in.checkScope, in.checkFetch,
		in.checkExtract, in.checkSession, in.checkPlace, in.checkLimits,
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

func (in TicketInput) checkScope() error {
	s := in.Scope
	for i, h := range s.Hosts {
		if u, err := url.Parse("http://" + h); err != nil || u.Host != h || h == "" {
			return Invalid(fmt.Sprintf("scope.hosts[%d]", i), fmt.Sprintf("%q is not a host", clip(h, 80)),
				"a host name, with :port where it is not the default one")
		}
	}
	for _, list := range []struct {
		name     string
		patterns []string
	}{{"include", s.Include}, {"exclude", s.Exclude}} {
		for i, p := range list.patterns {
			if _, err := regexp.Compile(p); err != nil {
				return Invalid(fmt.Sprintf("scope.%s[%d]", list.name, i), err.Error(),
					"an RE2 regular expression")
			}
		}
	}
	if s.MaxDepth != nil {
		if err := between("scope.maxDepth", int64(*s.MaxDepth), 0, 1000); err != nil {
			return err
		}
	}
	return between("scope.maxPages", s.MaxPages, 0, 10_000_000)
}

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
	switch f.Robots {
	case "", "obey":
	case "ignore":
		return NotHonoured("fetch.robots")
	default:
		return Invalid("fetch.robots", fmt.Sprintf("%q is not known", clip(f.Robots, 40)), `"obey"`)
	}
	return between("fetch.maxBody", f.MaxBody, 0, 100<<20)
}

func (in TicketInput) checkExtract() error {
	for _, name := range slices.Sorted(maps.Keys(in.Extract)) { // in order: always the same error
		if name == "" || len(name) > 64 {
			return Invalid("extract", "has a field without a name or with a very long one", "1 to 64 characters")
		}
		if strings.TrimSpace(in.Extract[name].CSS) == "" {
			return Invalid("extract."+name+".css", "is empty", "a CSS selector")
		}
	}
	return nil
}

func (in TicketInput) checkSession() error {
	if in.Session == nil {
		return nil
	}
	switch in.Session.OnLoss {
	case "", LossPreferred, LossRequired, LossFail:
	default:
		return Invalid("session.onLoss", fmt.Sprintf("%q is not known", clip(string(in.Session.OnLoss), 40)),
			"preferred, required or fail")
	}
	return in.Session.Key.Validate()
}

var countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)

func (in TicketInput) checkPlace() error {
	for i, c := range in.Place.Countries {
		if !countryPattern.MatchString(c) {
			return Invalid(fmt.Sprintf("place.countries[%d]", i), fmt.Sprintf("%q is not a country", clip(c, 40)),
				"two capital letters (ISO 3166-1)")
		}
	}
	return nil
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
	set(&in.Fetch.Robots, "obey")
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
