package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newFleetAuditCommand(app *App) *cobra.Command {
	var filter fleet.AuditFilter
	var tenant string
	var since time.Duration
	var leftovers bool
	c := command("audit", "list what is left over, and who did what",
		`Lists what is left over: machines that run under this fleet's labels and that no row knows
of, crawlers that their provider does not have, and providers whose list failed, each with
its owner, age and cost. If anything is left over, the exit code is 3. A fleet that runs
looks every half minute; of one that does not, standard error says how old that look is.

Then it lists what was done to tenants and tickets by hand, the newest first: plans,
suspensions, keys, pauses, redeliveries, deletions. The lines of a deleted tenant go with it.`,
		"  crawlfleet fleet audit --leftovers\n  crawlfleet fleet audit --tenant demo --since 24h -o csv", 0, 0,
		func(ctx context.Context, _ []string) error {
			filter.Tenant = fleet.TenantID(tenant)
			if since > 0 {
				filter.Since = time.Now().Add(-since)
			}
			return app.audit(ctx, filter, leftovers)
		})
	c.Flags().StringVarP(&tenant, "tenant", "t", "", "of this tenant only")
	c.Flags().DurationVar(&since, "since", 0, "who did what: of the last this long (default all)")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "who did what: at most this many")
	c.Flags().BoolVar(&leftovers, "leftovers", false, "only what is left over")
	return c
}

func (a *App) audit(ctx context.Context, filter fleet.AuditFilter, leftovers bool) error {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	compared, err := r.Comparisons(ctx)
	if err != nil {
		return err
	}
	if err := a.aged(compared); err != nil {
		return err
	}
	all := a.leftOver(compared, filter.Tenant)
	left := len(all)
	if !leftovers {
		trail, err := r.AuditTrail(ctx, filter)
		if err != nil {
			return err
		}
		all = append(all, trail...)
	}
	head := []string{"AT", "WHO", "TENANT", "WHAT", "DETAIL"}
	err = printList(a, all, head, func(l fleet.AuditRecord) []cell {
		shade := plain
		if l.Leftover != nil {
			shade = yellow
		}
		return []cell{text(moment(l.At)), text(l.Actor), text(l.Tenant), {l.Action, shade}, text(l.Detail)}
	})
	if err == nil && left > 0 {
		err = &exitStatus{code: exitOutcome}
	}
	return err
}

// aged says how old the comparisons of a fleet that does not run are: nobody makes others.
func (a *App) aged(all []fleet.Comparison) error {
	d, err := a.dir()
	if err != nil {
		return err
	}
	if _, err := d.Running(); err == nil || d.Held() {
		return nil
	}
	if len(all) == 0 {
		a.note("the fleet does not run; no provider has been compared with the rows yet")
	}
	for _, c := range all {
		if c.Done.IsZero() {
			a.note("the fleet does not run; %s has never been compared with the rows", c.Provider)
			continue
		}
		a.note("the fleet does not run; %s was compared with the rows %s ago, at %s, and not since",
			c.Provider, span(time.Since(c.Done)), moment(c.Done))
	}
	return nil
}

// leftOver makes lines of what the last comparison with each provider found.
func (a *App) leftOver(all []fleet.Comparison, t fleet.TenantID) (out []fleet.AuditRecord) {
	for _, c := range all {
		if c.Error != "" && t == "" {
			out = append(out, fleet.AuditRecord{
				At: c.Tried, Actor: string(c.Provider), Action: "not listed", Detail: unlisted(c),
				Leftover: &fleet.Leftover{Provider: c.Provider},
			})
		}
		for _, l := range c.Leftovers {
			if t != "" && l.Tenant != t {
				continue
			}
			out = append(out, fleet.AuditRecord{
				At: l.Found, Tenant: l.Tenant, Actor: string(l.Provider), Action: "left over: " + string(l.Kind),
				Detail: describeLeftover(l, time.Now()), Leftover: &l,
			})
		}
	}
	slices.SortStableFunc(out, func(a, b fleet.AuditRecord) int { return b.At.Compare(a.At) })
	return out
}

func unlisted(c fleet.Comparison) string {
	if c.Done.IsZero() {
		return "its list was never complete: " + c.Error
	}
	return fmt.Sprintf("its list was complete last at %s: %s", moment(c.Done), c.Error)
}

// describeLeftover says what it is, how old and what it has cost.
func describeLeftover(l fleet.Leftover, now time.Time) string {
	var parts []string
	what := "crawler " + l.GUID.Short()
	if l.Offering != "" {
		what += " at " + string(l.Offering)
	}
	if l.ProviderID != "" {
		what += " (" + l.ProviderID + ")"
	}
	switch l.Kind {
	case fleet.LeftoverMissing:
		parts = append(parts, what+" is in the rows and not at its provider")
	default:
		parts = append(parts, what+" runs and is in no row")
	}
	if l.Address != "" {
		parts = append(parts, "from "+l.Address)
	}
	if !l.Created.IsZero() {
		parts = append(parts, "for "+span(now.Sub(l.Created)))
	}
	switch {
	case l.Cost != nil:
		parts = append(parts, "costs "+l.Cost.String()+" so far")
	case l.Kind == fleet.LeftoverOrphan:
		parts = append(parts, "at a price that nobody knows")
	}
	return strings.Join(parts, ", ")
}
