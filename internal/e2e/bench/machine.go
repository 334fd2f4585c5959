package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine describes where the run took place.
func machine() string {
	cpu := "unknown CPU"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s/%s, %d cores, %s, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cpu, runtime.Version())
}

// calibration is a fixed piece of work on one thread: where its time differs from round
// to round, the machine was busy with something else.
func calibration() time.Duration {
	const blocks = 20_000 // about 0.1 s
	var block [4096]byte
	began := time.Now()
	for range blocks {
		sum := sha256.Sum256(block[:])
		copy(block[:], sum[:])
	}
	return time.Since(began)
}

// ticks is how many of the kernel's clock ticks make a second: USER_HZ, 100 on every
// Linux that we know.
const ticks = 100

// cpuTimes reads what processes have used; without /proc nothing.
func cpuTimes(pids map[string]int) map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// The name in brackets may hold spaces; user and system time are the 12th and
		// 13th field after it.
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(fields[11], 10, 64) // the kernel writes numbers
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		out[name] = time.Duration(user+system) * time.Second / ticks
	}
	return out
}

// since is what processes have used for each of n pieces of work.
func since(before map[string]time.Duration, pids map[string]int, n int) map[string]time.Duration {
	out := map[string]time.Duration{}
	for name, now := range cpuTimes(pids) {
		if from, ok := before[name]; ok {
			out[name] = (now - from) / time.Duration(n)
		}
	}
	return out
}

// memory is what an idle crawler holds, in MB.
type memory struct {
	When string  `json:"when"`
	RSS  float64 `json:"rss"`
	PSS  float64 `json:"pss"` // shared pages counted in part
}

// memory of the fleet's warm crawler; zeros where the system does not tell.
func (r *rig) memory(when string) memory {
	all, err := r.fleet.Control.Crawlers(context.Background(), ticketTenant)
	if err != nil || len(all) == 0 {
		return memory{When: when}
	}
	m := smaps(all[0].PID)
	m.When = when
	return m
}

// residentMB is what a process has in memory.
func residentMB(pid int) float64 { return smaps(pid).RSS }

// smaps reads what a process holds; zeros where the system does not tell.
func smaps(pid int) (m memory) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m
	}
	defer func() { _ = f.Close() }() // it was read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64) // the head line has none and is not asked for
		switch fields[0] {
		case "Rss:":
			m.RSS = kib * 1024 / 1e6
		case "Pss:":
			m.PSS = kib * 1024 / 1e6
		}
	}
	return m
}

// size is one program's, in MB.
type size struct {
	Program string  `json:"program"`
	MB      float64 `json:"mb"`
	Build   float64 `json:"build,omitempty"` // seconds, with an empty cache
}

func (r *rig) programs() ([]size, error) {
	var out []size
	for _, name := range []string{"crawlfleet", "crawlfleet-crawler", "crawlfleet-server"} {
		i, err := os.Stat(filepath.Join(r.o.bin, name))
		if err != nil {
			return nil, err
		}
		out = append(out, size{Program: name, MB: float64(i.Size()) / 1e6})
	}
	return out, nil
}

// builds times the build of each program with a cache of its own that is thrown away.
func (r *rig) builds(ctx context.Context, programs []size) error {
	for i := range programs {
		cache, err := os.MkdirTemp(r.dir, "gocache-")
		if err != nil {
			return err
		}
		args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(cache, "program")}
		switch programs[i].Program {
		case "crawlfleet":
			args = append(args, "./starter/crawlfleet")
		case "crawlfleet-crawler":
			args = append(args, "./workers/crawlfleet-crawler")
		default: // a module of its own
			args = append([]string{"build", "-C", "internal/devserver/server"}, append(args[1:], "-tags", "release", ".")...)
		}
		build := exec.CommandContext(ctx, "go", args...)
		build.Env = append(os.Environ(), "GOCACHE="+cache, "CGO_ENABLED=0")
		began := time.Now()
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", programs[i].Program, err, out)
		}
		programs[i].Build = time.Since(began).Seconds()
		if err := os.RemoveAll(cache); err != nil {
			return err
		}
	}
	return nil
}
