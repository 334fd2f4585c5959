package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Patience is how long anything may take that a browser does at once: the machine may be
// slow, and busy with other tests.
const Patience = 90 * time.Second

// programs are the names under which Chromium is installed.
var programs = [...]string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	wire    *wire
	cmd     *exec.Cmd
	profile string
}

// Start starts Chromium. Where there is none, the error says what to install.
func Start(ctx context.Context) (*Browser, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "crawlfleet-browser-")
	if err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	b := &Browser{profile: profile}
	if err := b.launch(program); err != nil {
		return nil, errors.Join(fmt.Errorf("start Chromium: %w", err), os.RemoveAll(profile))
	}
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	var version struct{ Product string }
	if err := b.wire.call(ctx, "", "Browser.getVersion", nil, &version); err != nil {
		return nil, errors.Join(fmt.Errorf("start Chromium: %w", err), b.Stop())
	}
	return b, nil
}

func find() (string, error) {
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium is installed: apt-get install chromium")
}

func (b *Browser) launch(program string) error {
	in, commands, err := os.Pipe()
	if err != nil {
		return err
	}
	answers, out, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close(), commands.Close())
	}
	b.cmd = exec.Command(program, "--headless", "--remote-debugging-pipe", "--no-first-run",
		"--user-data-dir="+b.profile, "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-extensions", "--lang=en-GB", "--no-default-browser-check", "about:blank")
	if os.Geteuid() == 0 { // Chromium's sandbox refuses to run as root
		b.cmd.Args = append(b.cmd.Args, "--no-sandbox")
	}
	// Nothing of the user's own is read or written.
	b.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.profile, "TZ=UTC", "LANG=C.UTF-8"}
	b.cmd.ExtraFiles = []*os.File{in, out} // which it finds as 3 and 4
	err = b.cmd.Start()
	err = errors.Join(err, in.Close(), out.Close())
	if err != nil {
		return errors.Join(err, commands.Close(), answers.Close())
	}
	b.wire = newWire(answers, commands)
	return nil
}

// Stop ends the browser with all its pages and removes its profile.
func (b *Browser) Stop() error {
	err := b.wire.close() // which is how it is told to end
	ended := make(chan struct{})
	go func() {
		_ = b.cmd.Wait() // how it ended is of no interest
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second): // it writes its profile, which nobody wants
		_ = b.cmd.Process.Kill()
		<-ended
	}
	return errors.Join(err, b.removeProfile())
}

// removeProfile tries for a while: helpers of the browser may still be writing.
func (b *Browser) removeProfile() error {
	var err error
	for range 50 {
		if err = os.RemoveAll(filepath.Clean(b.profile)); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}
