package devserver

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Program is an executable of ours that another one starts.
type Program string

// The programs that are looked for.
const (
	ServerProgram  Program = "crawlfleet-server"  // the embedded Temporal server
	CrawlerProgram Program = "crawlfleet-crawler" // the crawler
)

// EnvVar is the environment variable that names the program's file: that of the setting
// temporal.server or process.crawler of internal/config.
func (p Program) EnvVar() string {
	if p == ServerProgram {
		return "CRAWLFLEET_TEMPORAL_SERVER"
	}
	return "CRAWLFLEET_PROCESS_CRAWLER"
}

// buildCommand makes the program inside a checkout.
func (p Program) buildCommand() string {
	if p == ServerProgram {
		return "go build -C " + serverModule + " -tags release -o ../../../bin/ ."
	}
	return "go build -o bin/ ./workers/crawlfleet-crawler"
}

// Find returns the path of program: what the environment says, else beside the running executable
// (in exeDir), else on the PATH. env looks up an environment variable, lookPath an executable, as
// os.LookupEnv and exec.LookPath do. Without one the error says what to build or to set.
func Find(
	program Program, exeDir string, lookPath func(string) (string, error),
	env func(string) (string, bool),
) (string, error) {
	if path, ok := env(program.EnvVar()); ok && path != "" {
		if !executable(path) {
			return "", fleet.Invalid(program.EnvVar(),
				fmt.Sprintf("%s is not an executable file", path), "the path of "+string(program))
		}
		return path, nil
	}
	if path := filepath.Join(exeDir, string(program)); exeDir != "" && executable(path) {
		return path, nil
	}
	if path, err := lookPath(string(program)); err == nil {
		return path, nil
	}
	return "", fleet.Errorf(fleet.CodeNotFound, fmt.Sprintf(
		"%s is neither beside this program (in %s) nor on the PATH", program, exeDir)).
		WithHint(fmt.Sprintf("in a checkout run `%s`, or set %s to its path",
			program.buildCommand(), program.EnvVar()))
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
