package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
)

// aimGateway is what the gateway may add to a warm ticket.
const aimGateway = 1.15

// gateway runs the ticket of a fleet whose crawlers go through a gateway beside that of
// the rig's own, whose crawlers do not, in turns. Each has a server of its own.
func (r *rig) gateway(ctx context.Context, o options, calibrate func()) (rows []warmRow, err error) {
	behind := &rig{o: r.o, site: r.site, page: r.page}
	behind.fleet, err = e2e.Start(ctx, e2e.Programs{
		Crawlfleet: r.program("crawlfleet"), Crawler: r.program(string(devserver.CrawlerProgram)),
		Server: r.program(string(devserver.ServerProgram)),
	}, e2e.Options{Gateway: true, Settings: map[string]string{
		"crawler-idle-after": "1h", "gateway-rate": "100000",
	}})
	if err != nil {
		return nil, err
	}
	defer func() {
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWithin)
		defer cancel()
		err = errors.Join(err, behind.booked(tidy, ticketTenant), behind.fleet.Close(tidy))
	}()
	plan := fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: slots}
	if err := behind.newTenant(ctx, ticketTenant, plan); err != nil {
		return nil, err
	}
	if _, err := behind.ticket(ctx, ticketTenant); err != nil {
		return nil, fmt.Errorf("through the gateway: %w", err)
	}
	direct, through := r.fleetSide("ticket, direct"), behind.fleetSide("ticket, through the gateway")
	through.pids["gateway"] = behind.fleet.Gate.PID()
	return r.compare(ctx, []side{through, direct}, comparison{
		rounds: o.rounds, inFlight: inFlight(), count: o.count, reference: 1, calibrate: calibrate,
	})
}

// fleetSide is the ticket on a rig's fleet.
func (r *rig) fleetSide(name string) side {
	pids := map[string]int{
		"client": os.Getpid(), "server": r.fleet.Server.PID(), "control": r.fleet.Worker.PID(),
	}
	if c, err := r.fleet.Control.Crawlers(context.Background(), ticketTenant); err == nil && len(c) == 1 {
		pids["crawler"] = c[0].PID
	}
	return side{
		name: name, pids: pids,
		do: func(ctx context.Context) (string, error) { return r.ticket(ctx, ticketTenant) },
	}
}

func (r report) printGateway(line func(...string)) {
	line("warm, one page", "in flight", "p50 ms", "p99 ms", "/s", "p50 ratio", "", "/s ratio", "CPU ratio", "n", "CPU ms of one")
	for _, row := range r.Gateway {
		p50 := ""
		if row.Side == r.Gateway[0].Side && row.InFlight == 1 {
			p50 = aim(row.P50Ratio.Median <= aimGateway, fmt.Sprintf("≤ %.2f", aimGateway))
		}
		line(row.Side, fmt.Sprint(row.InFlight), fmt.Sprintf("%.1f", row.P50), fmt.Sprintf("%.1f", row.P99),
			fmt.Sprintf("%.1f", row.Rate), row.P50Ratio.String(), p50, row.RateRatio.String(),
			fmt.Sprintf("%.2f", row.CPURatio.Median), fmt.Sprint(row.Count), costs(row.CPU))
	}
	line()
}
