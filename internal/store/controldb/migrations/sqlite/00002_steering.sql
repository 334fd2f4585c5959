-- +goose Up
-- Steering, spend caps, webhooks, keys, the audit trail and retention.

ALTER TABLE tenants ADD COLUMN webhooks     TEXT   NOT NULL DEFAULT ''; -- JSON, '' for none
-- Why nothing of it runs although it is ready: its spend cap.
ALTER TABLE tenants ADD COLUMN held_message TEXT   NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN held_since   BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN held_until   BIGINT NOT NULL DEFAULT 0;

ALTER TABLE plans ADD COLUMN max_waiting    INTEGER NOT NULL DEFAULT 10000;
ALTER TABLE plans ADD COLUMN max_spend      BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN spend_currency TEXT    NOT NULL DEFAULT ''; -- '' for no cap
ALTER TABLE plans ADD COLUMN keep_results   BIGINT  NOT NULL DEFAULT 7776000000000;
ALTER TABLE plans ADD COLUMN keep_logs      BIGINT  NOT NULL DEFAULT 604800000000;
ALTER TABLE plans ADD COLUMN keep_rows      BIGINT  NOT NULL DEFAULT 34560000000000;

-- How long a draining crawler's tickets may go on, and whether its workflow has heard.
ALTER TABLE crawlers ADD COLUMN drain_grace BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE crawlers ADD COLUMN drain_heard INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crawlers ADD COLUMN purged      INTEGER NOT NULL DEFAULT 0; -- its log is gone, too
CREATE INDEX crawlers_gone ON crawlers (tenant, purged, gone_at) WHERE state = 'gone';

ALTER TABLE leases ADD COLUMN until_at BIGINT NOT NULL DEFAULT 0; -- its maxCost is reached

-- A new table, not new columns: the specification has to stay the last one.
CREATE TABLE tickets_2 (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant        TEXT    NOT NULL,
    ticket        TEXT    NOT NULL,
    hash          TEXT    NOT NULL, -- of the input as it was given, normalised
    state         TEXT    NOT NULL,
    workflow_id   TEXT    NOT NULL,
    run_id        TEXT    NOT NULL,
    attempt       INTEGER NOT NULL,
    priority      INTEGER NOT NULL,
    session_key   TEXT    NOT NULL DEFAULT '',
    on_loss       TEXT    NOT NULL DEFAULT '',
    place         TEXT    NOT NULL DEFAULT '', -- JSON, '' for anywhere
    since         BIGINT  NOT NULL,            -- its age in the queue
    seen_at       BIGINT  NOT NULL,            -- its workflow last asked for it
    start_at      BIGINT  NOT NULL DEFAULT 0,
    -- It waits and wants no slot: paused, or its startAt has not come.
    dormant       INTEGER NOT NULL DEFAULT 0,
    wait_code     TEXT    NOT NULL DEFAULT '',
    wait_message  TEXT    NOT NULL DEFAULT '',
    wait_since    BIGINT  NOT NULL DEFAULT 0,
    wait_until    BIGINT  NOT NULL DEFAULT 0,
    -- The last lease, the epoch that the tenant's fence is to be raised to before
    -- the next one, and the one that it has been raised to.
    epoch         BIGINT  NOT NULL DEFAULT 0,
    epoch_wanted  BIGINT  NOT NULL DEFAULT 0,
    fenced        BIGINT  NOT NULL DEFAULT 0,
    reopen        INTEGER NOT NULL DEFAULT 0, -- closed before: the crawl has to be opened again
    guid          TEXT    NOT NULL DEFAULT '', -- of the last lease
    avoid         TEXT    NOT NULL DEFAULT '', -- the crawler that it comes from
    never         INTEGER NOT NULL DEFAULT 0,
    outcome       TEXT    NOT NULL DEFAULT '',
    intent        TEXT    NOT NULL DEFAULT '', -- JSON
    result        TEXT    NOT NULL DEFAULT '', -- JSON; the bill is in the columns below
    bill          BIGINT  NOT NULL DEFAULT 0,  -- the sum of its ledger lines
    slot_cost     BIGINT  NOT NULL DEFAULT 0,  -- of them, what this attempt's slots cost
    currency      TEXT    NOT NULL DEFAULT '',
    max_cost      BIGINT  NOT NULL DEFAULT 0,
    cost_currency TEXT    NOT NULL DEFAULT '', -- '' for no limit
    accepted_at   BIGINT  NOT NULL,
    leased_at     BIGINT  NOT NULL DEFAULT 0,
    ended_at      BIGINT  NOT NULL DEFAULT 0,
    deadline      BIGINT  NOT NULL DEFAULT 0,
    forgotten     INTEGER NOT NULL DEFAULT 0, -- its results are gone
    webhook       TEXT    NOT NULL DEFAULT '',
    -- The input as it is in effect, and what had been given where that differs. Last,
    -- because it may be long: the columns before it are read without it.
    hosts_given   INTEGER NOT NULL,
    pages_given   BIGINT  NOT NULL,
    spec          TEXT    NOT NULL,
    UNIQUE (tenant, ticket)
);
INSERT INTO tickets_2 (seq, tenant, ticket, hash, state, workflow_id, run_id, attempt, priority,
    session_key, on_loss, place, since, seen_at, wait_code, wait_message, wait_since, wait_until,
    epoch, epoch_wanted, fenced, reopen, guid, avoid, never, outcome, intent, result, bill, currency,
    accepted_at, leased_at, ended_at, deadline, hosts_given, pages_given, spec)
SELECT seq, tenant, ticket, hash, state, workflow_id, run_id, attempt, priority,
    session_key, on_loss, place, since, seen_at, wait_code, wait_message, wait_since, wait_until,
    epoch, epoch_wanted, fenced, reopen, guid, avoid, never, outcome, intent, result, bill, currency,
    accepted_at, leased_at, ended_at, deadline, hosts_given, pages_given, spec
FROM tickets;
DROP TABLE tickets;
ALTER TABLE tickets_2 RENAME TO tickets;
CREATE INDEX tickets_waiting ON tickets (tenant, dormant, priority, since, ticket)
    WHERE state = 'waiting';
CREATE INDEX tickets_capacity ON tickets (tenant, place, since)
    WHERE state = 'waiting' AND wait_code = 'capacity';
CREATE INDEX tickets_open ON tickets (tenant) WHERE state <> 'ended';
CREATE INDEX tickets_ended ON tickets (tenant, forgotten, ended_at) WHERE state = 'ended';

-- What webhooks are told.
CREATE TABLE deliveries (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    ticket     TEXT    NOT NULL,
    notice     TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    last_error TEXT    NOT NULL DEFAULT '',
    created_at BIGINT  NOT NULL,
    tried_at   BIGINT  NOT NULL DEFAULT 0,
    ended_at   BIGINT  NOT NULL DEFAULT 0,
    moved_at   BIGINT  NOT NULL, -- made, tried or asked for again
    message    TEXT    NOT NULL, -- JSON, as it is sent
    UNIQUE (tenant, id)
);
CREATE INDEX deliveries_ticket ON deliveries (tenant, ticket);
CREATE INDEX deliveries_pending ON deliveries (moved_at) WHERE state = 'pending';
CREATE INDEX deliveries_aside ON deliveries (tenant) WHERE state = 'set_aside';

ALTER TABLE keys ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX keys_tenant ON keys (tenant, name);

CREATE INDEX audit_tenant ON audit (tenant, at);
CREATE INDEX ledger_month ON ledger (tenant, at);

