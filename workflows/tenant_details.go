package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// at notes the tenant's state for readers; it costs no event.
func (t *tenant) at(ctx workflow.Context, s fleet.TenantState) {
	t.status.State = s
	t.details().show(ctx)
}

// details are state and reason, plan, keys and what was done step by step.
func (t *tenant) details() *details {
	reason := t.status.Reason
	switch {
	case t.status.State == fleet.TenantFailed && t.status.Error != nil:
		reason = t.status.Error.Error()
	case t.status.State != fleet.TenantSuspended && t.status.State != fleet.TenantFailed:
		reason = "" // of a state before
	}
	d := describe(t.status.State, "%s", reason).line("name", "%s", t.status.Name)
	if t.status.Plan != (fleet.Plan{}) {
		d.line("plan", "%s", planned(t.status.Plan))
	}
	d.line("webhooks", "%s", strings.TrimPrefix(fmt.Sprint(len(t.status.Webhooks)), "0"))
	var keys []string
	for _, k := range t.status.Keys {
		keys = append(keys, "`"+k.Name+"`")
	}
	d.line("keys", "%s", strings.Join(keys, ", "))
	for i, s := range t.status.Steps {
		if i == 0 {
			d.text.WriteString("\n")
		}
		d.text.WriteString(fmt.Sprintf("\n%d. %s: %s", i+1, s.Name, stepped(s)))
	}
	return d
}

// planned is a plan in words.
func planned(p fleet.Plan) string {
	text := fmt.Sprintf("up to %s of %s",
		many(p.MaxCrawlers, "crawler"), many(p.SlotsPerCrawler, "slot"))
	if p.MaxSlots != p.MaxCrawlers*p.SlotsPerCrawler {
		text += fmt.Sprintf(", %s in all", many(p.MaxSlots, "slot"))
	}
	if p.IdleAfter > 0 {
		text += ", idle for " + spoken(p.IdleAfter.Std()) + " at most"
	}
	if p.MaxSpend != nil {
		text += fmt.Sprintf(", %s a month at most", p.MaxSpend)
	}
	return text
}

// stepped is how a step went.
func stepped(s fleet.TenantStep) string {
	switch {
	case s.Done && s.Detail == "":
		return "done in " + spoken(s.Took.Std())
	case s.Done:
		return fmt.Sprintf("%s (%s)", s.Detail, spoken(s.Took.Std()))
	case s.Detail != "":
		return fmt.Sprintf("failed after %s: %s", spoken(s.Took.Std()), s.Detail)
	default:
		return "under way"
	}
}
