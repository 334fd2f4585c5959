package main

import (
	"context"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// buildInfo is what a build knows of itself.
type buildInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Contract int    `json:"contract"` // with crawlers
	Layout   int    `json:"layout"`   // of the data directory
}

func thisBuild() buildInfo {
	b := buildInfo{
		Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Contract: fleet.ContractVersion, Layout: config.LayoutVersion,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" {
		b.Version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}

// id names the build where only equality counts.
func (b buildInfo) id() string { return b.Version + "+" + b.Commit }

func newVersionCommand(app *App) *cobra.Command {
	return command("version", "print the version",
		"Prints the version of this program, of its contract with crawlers and of the data directory's layout.",
		"  crawlfleet version -o json", 0, 0,
		func(context.Context, []string) error {
			b := thisBuild()
			return printOne(app, b, func(w io.Writer) {
				facts(w, "crawlfleet", b.Version, "commit", b.Commit, "go", b.Go+" "+b.Platform,
					"contract", text(b.Contract).text, "layout", text(b.Layout).text)
			})
		})
}
