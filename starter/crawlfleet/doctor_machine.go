package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

func asError(err error, e **fleet.Error) bool { return errors.As(err, e) }

func (d *doctor) configuration() bool {
	const check = "configuration"
	l, err := d.app.config()
	if err != nil {
		d.broke(check, err, "crawlfleet config check")
		return false
	}
	d.cfg = l
	if _, err := client.Configured(d.app.Environ); err != nil {
		d.fail(check, "the Temporal SDK's own cannot be read: "+err.Error(), "crawlfleet config check")
		return false
	}
	if len(l.Unknown) > 0 {
		d.warn(check, "nothing reads "+strings.Join(l.Unknown, ", "), "crawlfleet config show")
		return true
	}
	d.ok(check, "valid")
	return true
}

// external reports whether Temporal is another one's.
func (d *doctor) external() bool {
	external, err := client.Configured(d.app.Environ)
	return external && err == nil
}

// programs looks for the two other programs, and reads what they were built from.
func (d *doctor) programs() {
	for _, p := range []struct {
		program    devserver.Program
		configured string
	}{
		{devserver.CrawlerProgram, d.cfg.Process.Crawler}, {devserver.ServerProgram, d.cfg.Temporal.Server},
	} {
		if p.program == devserver.ServerProgram && d.external() ||
			p.program == devserver.CrawlerProgram && !slices.Contains(d.cfg.Providers, process.Kind) {
			continue // not needed
		}
		check := "program " + string(p.program)
		path, err := findProgram(p.program, p.configured, d.app.Environ)
		if err != nil {
			d.broke(check, err, "make build")
			continue
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			d.fail(check, fmt.Sprintf("%s is no program of ours: %v", path, err), "make build")
			continue
		}
		us, known := debug.ReadBuildInfo()
		ours, theirs := "", revision(info)
		if known {
			ours = revision(us)
		}
		if ours != "" && theirs != "" && ours != theirs {
			d.warn(check, fmt.Sprintf("%s was built from %.12s, this program from %.12s: use all three of one release",
				path, theirs, ours), "make build")
			continue
		}
		d.ok(check, path)
	}
}

func revision(b *debug.BuildInfo) string {
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// filesNeeded is what the control worker may have open: 15 for each tenant's database
// that it keeps, and as much again for crawlers, connections and logs.
const filesNeeded = 2 * 15 * tenantdb.DefaultMaxOpen

func (d *doctor) machine() {
	var limit syscall.Rlimit
	const files = "open files"
	switch err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); {
	case err != nil:
		d.fail(files, "the limit cannot be read: "+err.Error(), "ulimit -n")
	case limit.Max < filesNeeded:
		d.warn(files, fmt.Sprintf("the hard limit is %d; with many tenants %d are needed", limit.Max, filesNeeded),
			fmt.Sprintf("ulimit -n %d", filesNeeded))
	default:
		d.ok(files, fmt.Sprintf("the hard limit is %d", limit.Max))
	}
	d.addresses()
}

// addresses tries the first and the last source address of every place of this machine.
func (d *doctor) addresses() {
	const check = "source addresses"
	tried := map[string]bool{}
	for _, o := range offerings(d.cfg.Config) {
		if len(o.Addresses) == 0 || o.Provider != process.Kind {
			continue // elsewhere they are not this machine's
		}
		for _, a := range []string{o.Addresses[0], o.Addresses[len(o.Addresses)-1]} {
			if tried[a] || a == "" {
				continue
			}
			tried[a] = true
			l, err := net.Listen("tcp", net.JoinHostPort(a, "0"))
			if err != nil {
				d.fail(check, fmt.Sprintf("%s of %s is no address of this machine: %v", a, o.ID, err),
					"crawlfleet config show  # process.loopback, process.addresses")
				return
			}
			_ = l.Close() // nothing was accepted
		}
	}
	d.ok(check, fmt.Sprintf("%d tried, all usable", len(tried)))
}
