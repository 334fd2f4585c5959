package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// tenant is the account that is looked at.
const tenant = fleet.TenantID("acme")

// key opens its pages for as long as the scene is played.
const key = fleet.Secret(fleet.KeyPrefix + "of-the-screenshots")

// The tickets of the scene.
const (
	crawled = fleet.TicketID("shop-2026-11")
	running = fleet.TicketID("prices-daily")
	second  = fleet.TicketID("journal-archive")
	waiting = fleet.TicketID("prices-weekly")
	failed  = fleet.TicketID("old-server")
)

// scene is a whole fleet with a tenant at work.
type scene struct {
	fleet  *e2e.Fleet
	site   *sample.Site
	at     config.Running
	remove func() error
}

func newScene(ctx context.Context) (s *scene, err error) {
	s = &scene{site: sample.New(sample.Options{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	var p e2e.Programs
	if p, s.remove, err = programs(ctx); err != nil {
		return s, err
	}
	if err := s.site.Start(ctx); err != nil {
		return s, err
	}
	s.fleet, err = e2e.Start(ctx, p, e2e.Options{Dev: true, Settings: map[string]string{
		"temporal-ui-port": "0", "web-listen": "127.0.0.1:0", "crawler-idle-after": "1m", "process-capacity": "8",
	}})
	if err != nil {
		return s, err
	}
	b, err := os.ReadFile(filepath.Join(s.fleet.DataDir(), "run", "dev.json"))
	if err == nil {
		err = json.Unmarshal(b, &s.at)
	}
	if err != nil {
		return s, err
	}
	return s, s.play(ctx)
}

// close cancels what runs, stops the fleet and removes it.
func (s *scene) close(ctx context.Context) error {
	var err error
	if s.fleet != nil {
		for _, id := range []fleet.TicketID{running, second, waiting} {
			// It may have ended by itself.
			_ = s.fleet.Client.CancelTicket(ctx, fleet.TicketWorkflowID(tenant, id))
		}
		live, listed := s.fleet.Control.Crawlers(ctx, tenant)
		err = listed
		for _, c := range live {
			err = errors.Join(err, s.fleet.Client.DrainCrawler(ctx,
				fleet.CrawlerRef{Tenant: tenant, GUID: c.GUID}, fleet.DrainRequest{Reason: "the pictures are taken"}))
		}
		err = errors.Join(err, s.fleet.Close(ctx))
	}
	err = errors.Join(err, s.site.Stop(ctx))
	if s.remove != nil {
		err = errors.Join(err, s.remove())
	}
	return err
}

// play brings a tenant with a plan of one crawler into the middle of its work.
func (s *scene) play(ctx context.Context) error {
	err := s.fleet.Client.StartTenant(ctx, fleet.TenantInput{
		Tenant: tenant, Name: "Acme Outdoor", Labels: map[string]string{"contract": "2026-114"},
		Plan: fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2, MaxSpend: &fleet.Money{Micros: 5_000, Currency: "EUR"}},
	})
	if err != nil {
		return err
	}
	if err := s.until(ctx, "the tenant to be ready", s.tenantReady); err != nil {
		return err
	}
	_, err = s.fleet.Client.AddKey(ctx, tenant, fleet.KeyRequest{Name: "screenshots", Digest: fleet.KeyDigest(key)})
	if err != nil {
		return err
	}
	fast, slow := fleet.Duration(0), fleet.Duration(700*time.Millisecond)
	whole := fleet.TicketInput{
		ID: crawled, URLs: []string{s.site.URL()}, Scope: fleet.Scope{Hosts: s.site.Hosts()},
		Labels: map[string]string{"project": "catalogue"}, Fetch: fleet.FetchOptions{Delay: &fast},
		Extract: map[string]fleet.Field{"heading": {CSS: "h1"}},
	}
	none := fleet.TicketInput{ID: failed, URLs: []string{"http://127.0.0.1:9/"}, Fetch: fleet.FetchOptions{Delay: &fast, Retries: new(int)}}
	for _, in := range []fleet.TicketInput{none, whole} {
		if err := s.submit(ctx, in); err != nil {
			return err
		}
		if err := s.until(ctx, string(in.ID)+" to end", s.is(in.ID, fleet.TicketEnded)); err != nil {
			return err
		}
	}
	for _, id := range []fleet.TicketID{second, running, waiting} {
		in := whole
		in.ID, in.Fetch.Delay, in.Labels = id, &slow, map[string]string{"project": "prices"}
		in.URLs, in.Scope.MaxPages = []string{s.site.URL(), s.site.ShopURL("/about")}, 120
		if err := s.submit(ctx, in); err != nil {
			return err
		}
		state := fleet.TicketRunning
		if id == waiting {
			state = fleet.TicketWaiting
		}
		if err := s.until(ctx, string(id)+" to be "+string(state), s.is(id, state)); err != nil {
			return err
		}
	}
	return s.until(ctx, "some pages", func(ctx context.Context) bool {
		c, _, err := s.fleet.Data.Progress(ctx, tenant, running)
		return err == nil && c.Fetched > 25
	})
}

func (s *scene) submit(ctx context.Context, in fleet.TicketInput) error {
	in.Tenant = tenant
	_, err := s.fleet.Client.StartTicket(ctx, in)
	return err
}

func (s *scene) tenantReady(ctx context.Context) bool {
	status, err := s.fleet.Control.Tenant(ctx, tenant)
	return err == nil && status.State == fleet.TenantReady
}

func (s *scene) is(id fleet.TicketID, state fleet.TicketState) func(context.Context) bool {
	return func(ctx context.Context) bool {
		row, err := s.fleet.Control.Ticket(ctx, tenant, id)
		return err == nil && row.State == state
	}
}

// until looks until something has come.
func (s *scene) until(ctx context.Context, what string, come func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, e2e.Patience)
	defer cancel()
	for !come(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("awaited %s: %w", what, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
