package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// beginWithin is how long a transaction tries to begin while its server restarts or has
	// no connection left: as long as SQLite waits for another process's lock.
	beginWithin = 10 * time.Second
	// beginPause grows to beginPauseMax between the tries.
	beginPause, beginPauseMax = 20 * time.Millisecond, time.Second
)

// served runs f in a transaction on a server. Until it has begun it is tried again: a
// connection that the server has closed is found out here. What has begun is not: f may
// not be run twice, and of a lost commit nobody knows what became. Such an error is
// unavailable: whoever asked asks again.
func (d *DB) served(ctx context.Context, p *pool, f func(*Tx) error) error {
	give := time.Now().Add(beginWithin)
	for pause := beginPause; ; pause = min(2*pause, beginPauseMax) {
		err := p.try(ctx, f)
		var begin *beginError
		if err == nil || !errors.As(err, &begin) || !passing(err) || Refused(err) || time.Now().After(give) {
			return d.told(err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(pause):
		}
	}
}

func (p *pool) try(ctx context.Context, f func(*Tx) error) error {
	if p.turns != nil {
		select {
		case p.turns <- struct{}{}:
			defer func() { <-p.turns }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return &beginError{err}
	}
	if !p.options.ReadOnly {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, hungAfter)
	defer cancel()
	return p.run(ctx, conn, f)
}

// told gives a server's error the code that says whether to ask again.
func (d *DB) told(err error) error {
	var coded *fleet.Error
	if err == nil || d.dialect != PostgreSQL || errors.As(err, &coded) {
		return err
	}
	var e *pgconn.PgError
	switch {
	case Refused(err) && errors.As(err, &e):
		// Not invalid, which would end tickets: an operator puts it right, and they go on.
		return fleet.Errorf(fleet.CodeUnavailable, "the database refuses: "+e.Message).
			WithHint("the setting store names it").Because(err)
	case passing(err):
		// The driver's errors name user and host, never the password.
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fleet.Errorf(fleet.CodeUnavailable, "the database does not answer: "+first).Because(err)
	default:
		return err
	}
}

// Refused reports whether the error is that of a server that does not let us in.
func Refused(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "28000", "28P01", "3D000": // no such user, wrong password, no such database
		return true
	default:
		return false
	}
}

// NoTable reports whether the error is PostgreSQL's of a table that is not there.
func NoTable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "42P01"
}

// passing reports whether the same transaction may succeed later unchanged.
func passing(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "40001", "40P01", "55P03", "53300", // serialisation, deadlock, lock, too many connections
			"57P01", "57P02", "57P03", "25P03": // shut down, crashed, starting, transaction abandoned
			return true
		}
		return strings.HasPrefix(e.Code, "08") // the connection
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}
