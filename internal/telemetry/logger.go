package telemetry

import (
	"fmt"
	"io"
	"os"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// LogOptions say how NewLogger logs.
type LogOptions struct {
	// Level is the lowest that is logged: debug, info, warn or error.
	Level string
	// Format is json, console, or auto: console where the writer is a terminal.
	Format string
	// Color marks the level on a console; leave it off for NO_COLOR.
	Color bool
}

// NewLogger makes a logger that writes to w, one line an entry. It fails on a level
// or format that does not exist.
func NewLogger(w io.Writer, o LogOptions) (*zap.Logger, error) {
	level, err := zapcore.ParseLevel(o.Level)
	if err != nil {
		return nil, fmt.Errorf("make logger: %w", err)
	}
	console := o.Format == "console" || o.Format == "auto" && IsTerminal(w)
	if !console && o.Format != "json" && o.Format != "auto" {
		return nil, fmt.Errorf("make logger: unknown format %q", o.Format)
	}
	core := zapcore.NewCore(encoder(console, o.Color), zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(core, zap.AddStacktrace(zapcore.DPanicLevel)), nil
}

func encoder(console, color bool) zapcore.Encoder {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.StringDurationEncoder
	if !console {
		return zapcore.NewJSONEncoder(c)
	}
	c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
	c.EncodeLevel = zapcore.CapitalLevelEncoder
	if color {
		c.EncodeLevel = zapcore.CapitalColorLevelEncoder
	}
	return zapcore.NewConsoleEncoder(c)
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// SDKLogger lets the Temporal SDK log through zap, with its keys as fields.
func SDKLogger(l *zap.Logger) log.Logger {
	return sdkLogger{l.WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type sdkLogger struct{ z *zap.SugaredLogger }

var (
	_ log.WithLogger      = sdkLogger{}
	_ log.WithSkipCallers = sdkLogger{}
)

func (l sdkLogger) Debug(msg string, keyvals ...any) { l.z.Debugw(msg, keyvals...) }
func (l sdkLogger) Info(msg string, keyvals ...any)  { l.z.Infow(msg, keyvals...) }
func (l sdkLogger) Warn(msg string, keyvals ...any)  { l.z.Warnw(msg, keyvals...) }
func (l sdkLogger) Error(msg string, keyvals ...any) { l.z.Errorw(msg, keyvals...) }

// With gives a logger that writes keyvals with every entry.
func (l sdkLogger) With(keyvals ...any) log.Logger { return sdkLogger{l.z.With(keyvals...)} }

// WithCallerSkip gives a logger that names a caller further up.
func (l sdkLogger) WithCallerSkip(n int) log.Logger {
	return sdkLogger{l.z.WithOptions(zap.AddCallerSkip(n))}
}
