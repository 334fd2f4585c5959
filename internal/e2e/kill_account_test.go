package e2e

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// steered changes the plan, suspends and resumes under a ticket, and gives and ends a key.
func (l *life) steered() {
	k := l.busy("steered")
	l.insist("another plan", func(ctx context.Context) error {
		_, err := l.Client.ReplanTenant(ctx, l.a.ID, fleet.PlanRequest{Plan: fleet.Plan{MaxCrawlers: 3}})
		return err
	})
	l.lose(1)
	l.insist("suspension", func(ctx context.Context) error {
		_, err := l.Client.SuspendTenant(ctx, l.a.ID, fleet.SuspendRequest{Grace: fleet.Duration(100 * time.Millisecond)})
		return err
	})
	l.a.AwaitNoCrawlers()
	l.insist("to go on", func(ctx context.Context) error {
		_, err := l.Client.ResumeTenant(ctx, l.a.ID, fleet.ResumeRequest{})
		return err
	})
	k.Leased()
	l.insist("a key", func(ctx context.Context) error {
		digest := fmt.Sprintf("%x", sha256.Sum256([]byte(l.a.ID)))
		_, err := l.Client.AddKey(ctx, l.a.ID, fleet.KeyRequest{Name: "drill", Digest: digest})
		return err
	})
	l.insist("no key", func(ctx context.Context) error {
		_, err := l.Client.RevokeKey(ctx, l.a.ID, fleet.RevokeRequest{Name: "drill"})
		return err
	})
	l.over(k)
}

// insist asks for an update until it is answered: each may be repeated.
func (l *life) insist(what string, do func(context.Context) error) {
	Await(l.t, what+" of "+string(l.a.ID), func() (bool, string) {
		ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
		defer cancel()
		err := do(ctx)
		return err == nil, fmt.Sprint(err)
	})
}

func (l *life) apply() {
	ctx := l.t.Context()
	Await(l.t, "another plan of "+string(l.a.ID), func() (bool, string) {
		in := fleet.TenantInput{Tenant: l.a.ID, Plan: fleet.Plan{MaxCrawlers: 3}}
		_, err := l.Client.ApplyTenant(ctx, in)
		s, _ := l.Control.Tenant(ctx, l.a.ID)
		return err == nil && s.Plan.MaxCrawlers == 3, fmt.Sprint(err, show(s))
	})
}

// delete deletes the account with a ticket on a crawler, and waits for the proof that
// nothing of it is left.
func (l *life) delete() {
	k := l.busy("deleted")
	l.forget(k)
	ctx := l.t.Context()
	Await(l.t, "the deletion of "+string(l.a.ID), func() (bool, string) {
		_, err := l.Client.DeleteTenant(ctx, l.a.ID, fleet.DeleteRequest{})
		_, gone := l.Control.Tenant(ctx, l.a.ID)
		return fleet.CodeOf(gone) == fleet.CodeNotFound, fmt.Sprint(err, gone)
	})
	Await(l.t, "the proof of the deletion of "+string(l.a.ID), func() (bool, string) {
		ctx, cancel := context.WithTimeout(ctx, Patience)
		defer cancel()
		err := l.Client.Temporal().GetWorkflow(ctx, fleet.TenantWorkflowID(l.a.ID), "").Get(ctx, nil)
		return err == nil, fmt.Sprint(err)
	})
}
