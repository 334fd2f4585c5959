package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger writes JSON lines. Temporal calls Fatal from deep inside, on a port lost in a race
// for example: then out says why before exit ends the process.
func newLogger(w io.Writer, level zapcore.Level, out *report, exit func(int)) *zap.Logger {
	encoding := zap.NewProductionEncoderConfig()
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	core := zapcore.NewCore(
		zapcore.NewJSONEncoder(encoding), zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(core, zap.WithFatalHook(fatalHook{out: out, exit: exit}))
}

type fatalHook struct {
	out  *report
	exit func(int)
}

// OnWrite reports a fatal entry with its error field, which holds the actual cause.
func (h fatalHook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	failure := &Failure{Code: codeInternal, Message: entry.Message}
	for _, f := range fields {
		err, ok := f.Interface.(error)
		if f.Type != zapcore.ErrorType || !ok {
			continue
		}
		failure.Message = fmt.Sprintf("%s: %v", failure.Message, err)
		if errors.Is(err, syscall.EADDRINUSE) {
			failure.Code = codeBusy // no flag: most likely one of the inner ports, so try again
		}
	}
	h.out.failed(failure)
	h.exit(exitError)
}
