package devserver

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
)

const loopback = "127.0.0.1"

// NoUI is the UIPort of a server without a Web UI.
const NoUI = -1

// ServerOptions say what the Temporal server is to be.
type ServerOptions struct {
	Program string // path of crawlfleet-server, required; see Find and Build
	DataDir string // directory of its database files, required
	Log     string // file of its log; "" = server.log in DataDir
	IP      string // of gRPC; "" = 127.0.0.1. There is no login: keep it a loopback address
	Port    int    // gRPC; 0 = a free one
	UIPort  int    // Web UI; 0 = a free one, NoUI = none

	Namespace        string            // "" = default
	Retention        time.Duration     // of closed workflows; 0 = the server's 72 h
	SearchAttributes map[string]string // type (Keyword, Int, …) by name
	LogLevel         string            // "" = warn
	Flags            []string          // more of the program's own, such as --dynamic-config-value

	// PortFlag and UIPortFlag are what the user's own flags for the ports are called, for errors.
	PortFlag, UIPortFlag string

	Env        []string      // its environment; nil = that of this process
	MinBackoff time.Duration // before it is restarted; 0 = Child's default
	Logger     *zap.Logger   // nil = none
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.IP == "" {
		o.IP = loopback
	}
	if o.Log == "" {
		o.Log = filepath.Join(o.DataDir, "server.log")
	}
	if o.PortFlag == "" {
		o.PortFlag = "--port"
	}
	if o.UIPortFlag == "" {
		o.UIPortFlag = "--ui-port"
	}
	return o
}

func (o ServerOptions) command() []string {
	args := []string{
		o.Program, "--lifeline", "--lock-wait", lockWait.String(), "--data-dir", o.DataDir,
		"--ip", o.IP, "--port", strconv.Itoa(o.Port), "--ui-port", strconv.Itoa(o.UIPort),
	}
	if o.Namespace != "" {
		args = append(args, "--namespace", o.Namespace)
	}
	if o.Retention != 0 {
		args = append(args, "--retention", o.Retention.String())
	}
	if o.LogLevel != "" {
		args = append(args, "--log-level", o.LogLevel)
	}
	for _, name := range slices.Sorted(maps.Keys(o.SearchAttributes)) {
		args = append(args, "--search-attribute", name+"="+o.SearchAttributes[name])
	}
	return append(args, o.Flags...)
}
