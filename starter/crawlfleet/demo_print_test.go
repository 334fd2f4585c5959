package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func demoApp(t *testing.T, terminal bool, environ ...string) (*App, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var out, errs bytes.Buffer
	app := newApp(environ, Stdio{In: &bytes.Buffer{}, Out: &out, Err: &errs})
	app.output = outputText
	app.isTerminal = func(any) bool { return terminal }
	return app, &out, &errs
}

func heldReport() actReport {
	return actReport{
		Act: 3, Title: "a second ticket of the same session", Held: true,
		Measured: []string{"warm: 11ms from the request to the first page", "the same source address: 127.0.16.2"},
	}
}

func brokenReport() actReport {
	return actReport{
		Act: 4, Title: "six tickets at once",
		Findings: []finding{{"the site's log: 2 source addresses", "127.0.16.2"}},
	}
}

func TestDemoScreen_PrintsActsForPeople(t *testing.T) {
	t.Parallel()
	app, out, _ := demoApp(t, false)
	s := newDemoScreen(app)
	require.NoError(t, s.act(heldReport()))
	require.NoError(t, s.act(brokenReport()))
	require.NoError(t, s.end())
	require.Equal(t, `✓ 3  warm: 11ms from the request to the first page
     the same source address: 127.0.16.2
✗ 4  six tickets at once
     expected the site's log: 2 source addresses
       saw  127.0.16.2
`, out.String())
}

func TestDemoScreen_PrintsActsForPrograms(t *testing.T) {
	t.Parallel()
	app, out, _ := demoApp(t, false)
	app.output = outputJSONL
	s := newDemoScreen(app)
	s.lines("for people")
	require.NoError(t, s.act(brokenReport()))
	require.NoError(t, s.end())
	require.JSONEq(t, `{"act":4,"title":"six tickets at once","held":false,"took":"0s",
		"findings":[{"want":"the site's log: 2 source addresses","saw":"127.0.16.2"}]}`, out.String())
}

func TestDemoScreen_ColoursOnATerminalUnlessToldNotTo(t *testing.T) {
	t.Parallel()
	app, out, _ := demoApp(t, true)
	require.NoError(t, newDemoScreen(app).act(heldReport()))
	require.Contains(t, out.String(), "\x1b[32m✓\x1b[0m 3")
	app, out, _ = demoApp(t, true, "NO_COLOR=1")
	require.NoError(t, newDemoScreen(app).act(heldReport()))
	require.NotContains(t, out.String(), "\x1b")
}

func TestDemoScreen_TheStatusIsReplacedByTheNextLine(t *testing.T) {
	t.Parallel()
	app, out, errs := demoApp(t, true, "NO_COLOR=1")
	s := newDemoScreen(app)
	require.True(t, s.status("%d pages", 7))
	require.True(t, s.status("%d pages", 7))
	s.lines("done")
	require.Equal(t, "\r\x1b[K  … 7 pages\r\x1b[K", errs.String())
	require.Equal(t, "done\n", out.String())

	app, _, errs = demoApp(t, false)
	require.False(t, newDemoScreen(app).status("nobody sees it"))
	require.Empty(t, errs.String())
}

func TestDemoScreen_TheTableHasEveryTicket(t *testing.T) {
	t.Parallel()
	app, out, _ := demoApp(t, false)
	ended := &demoTicket{
		in: fleet.TicketInput{ID: "first"}, at: demoDay, what: "cold start", start: "cold 89ms",
		bill: fleet.Money{Micros: 7, Currency: "EUR"},
		row: fleet.TicketRow{Result: &fleet.TicketResult{
			Outcome: fleet.OutcomeDone, Counters: fleet.Counters{Fetched: 303}, Addresses: []string{"127.0.16.2"},
			Times: fleet.TicketTimes{Ended: demoDay.Add(1320 * time.Millisecond)},
		}},
	}
	open := &demoTicket{in: fleet.TicketInput{ID: "second"}, what: "same session", row: fleet.TicketRow{State: fleet.TicketWaiting}}
	newDemoScreen(app).table([]*demoTicket{ended, open})
	require.Equal(t, `
TICKET  WHAT          OUTCOME  PAGES  START      TOOK   FROM        COST
first   cold start    done     303    cold 89ms  1.32s  127.0.16.2  0.000007 EUR
second  same session  waiting
`, out.String())
}

func TestPhases_AddUpInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return demoDay.Add(time.Duration(ms) * time.Millisecond) }
	row := fleet.TicketRow{Times: fleet.TicketTimes{Accepted: at(7)}}
	c := fleet.CrawlerRow{Times: fleet.CrawlerTimes{
		Reserved: at(15), Launched: at(45), Main: at(35), Dialed: at(50), Serving: at(60),
	}}
	require.Equal(t, "routed 7ms + decided 8ms + main 20ms + launch accepted 10ms + dialed 5ms + hello 10ms + first page 16ms",
		phases(demoDay, coldPhases(row, c, at(76))))
	require.Equal(t, "routed 7ms", phases(demoDay, coldPhases(row, fleet.CrawlerRow{}, time.Time{})))
}

func TestAwait_SaysWhatItWaitedForAndWhatItSaw(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := await(ctx, "two crawlers", func() (bool, string, error) { return false, "one", nil })
	require.Equal(t, fleet.CodeTimeout, fleet.CodeOf(err))
	require.ErrorContains(t, err, "waited for two crawlers; saw one")

	broken := errors.New("the store is gone")
	err = await(t.Context(), "rows", func() (bool, string, error) { return false, "", broken })
	require.ErrorIs(t, err, broken)
	require.NoError(t, await(t.Context(), "nothing", func() (bool, string, error) { return true, "", nil }))
}

func TestDemo_TakesOnlyAFreshDirectory(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	app, _, _ := demoApp(t, false, "HOME="+home)
	d := &demo{app: app, began: demoDay}
	path, err := d.directory()
	require.NoError(t, err)
	require.DirExists(t, path)
	require.Equal(t, filepath.Join(home, ".cache", "crawlfleet"), filepath.Dir(path))

	app.settings["dataDir"] = t.TempDir()
	path, err = d.directory()
	require.NoError(t, err)
	require.Equal(t, app.settings["dataDir"], path)
	require.NoError(t, os.WriteFile(filepath.Join(path, "mine"), nil, 0o600))
	_, err = d.directory()
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
}

func TestDemoConfig_IsTheDemosOwnAndValid(t *testing.T) {
	t.Parallel()
	user := config.Default("/home/ann/fleet")
	user.Contact, user.Temporal.Port, user.Process.Capacity = "ops@example.com", 7000, 1
	c := demoConfig(user, "/tmp/demo", true)
	require.NoError(t, c.Validate())
	require.Equal(t, "/tmp/demo", c.DataDir)
	require.Equal(t, "ops@example.com", c.Contact)
	require.Zero(t, c.Temporal.Port)
	require.Greater(t, c.Process.Capacity, demoCrawlers)
	require.Equal(t, "[127.0.0.0/8]", text(c.AllowPrivate).text)
	require.Empty(t, demoConfig(user, "/tmp/demo", false).AllowPrivate, "a stranger's site is no reason")
}

func TestCheckDemoURL_WantsASite(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkDemoURL(""))
	require.NoError(t, checkDemoURL("https://example.com/"))
	for _, bad := range []string{"example.com", "ftp://example.com/", "https://", "://"} {
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(checkDemoURL(bad)), bad)
	}
}
