package process

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// keepGone is when a stopped crawler's record and log go that nobody has purged: the
	// longest time that a plan may keep logs.
	keepGone = 400 * 24 * time.Hour
	// logLimit is where a log is cut. A crawler writes some lines a minute; what is
	// larger is a flood, and its beginning is worth no more than its end.
	logLimit = 8 << 20
)

// tidy forgets what was stopped long ago and cuts large logs. What it cannot do it
// says, and tries again the next time.
func (p *Provider) tidy(now time.Time) {
	if err := errors.Join(p.prune(now), p.cutLogs()); err != nil {
		p.log.Warn("tidy the run directory", zap.Error(err))
	}
}

func (p *Provider) prune(now time.Time) error {
	dir := filepath.Join(p.store.dir, goneRoom)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < keepGone {
			continue // vanished meanwhile, or young
		}
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			log := p.store.logPath(fleet.GUID(name))
			errs = append(errs, remove(log), remove(log+".1"))
		}
		errs = append(errs, remove(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

func (p *Provider) cutLogs() error {
	logs, err := filepath.Glob(filepath.Join(p.store.dir, "*.log"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range logs {
		info, err := os.Stat(path)
		if err != nil || info.Size() < logLimit {
			continue
		}
		errs = append(errs, cutLog(path))
	}
	return errors.Join(errs...)
}

// cutLog keeps what there is as <path>.1 and empties the file. The crawler appends, so
// it goes on at the start; what it writes between the two steps is lost.
func cutLog(path string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := os.OpenFile(path+".1", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.LimitReader(from, 2*logLimit))
	return errors.Join(err, to.Close(), os.Truncate(path, 0))
}
