package tenantdb

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// maxSessionState bounds what a session may carry, in bytes: 4,096 cookies of the usual size.
const maxSessionState = 2 << 20

// carry keeps what the crawl's session has become. It is under the fence like every result:
// a crawler that has lost the session changes nothing.
func (c *crawl) carry(tx *store.Tx, s *fleet.SessionState) error {
	if s == nil || c.session == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write the session's state: %w", err)
	}
	if len(text) > maxSessionState {
		return fleet.Invalid("session", fmt.Sprintf("has %d bytes", len(text)), "fewer cookies")
	}
	_, err = tx.Exec(`INSERT INTO sessions (name, state, at) VALUES (?, ?, ?)
 ON CONFLICT (name) DO UPDATE SET state = excluded.state, at = excluded.at
 WHERE excluded.at > sessions.at`, string(c.session), string(text), s.Version)
	return err
}

// carried is what the crawl's session has left, nil for nothing.
func (c *crawl) carried(tx *store.Tx) (*fleet.SessionState, error) {
	if c.session == "" {
		return nil, nil //nolint:nilnil // most crawls have no session
	}
	var text string
	err := tx.One(`SELECT state FROM sessions WHERE name = ?`, []any{string(c.session)}, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // it is new
	}
	if err != nil {
		return nil, err
	}
	s := new(fleet.SessionState)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("read the session's state: %w", err)
	}
	return s, nil
}
