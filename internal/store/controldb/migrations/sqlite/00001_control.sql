-- +goose Up
-- Every moment is in microseconds of Unix time, 0 where it has not come; every
-- amount in millionths of its currency.

-- The one fleet that the store belongs to.
CREATE TABLE fleet (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT    NOT NULL
);

CREATE TABLE tenants (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    labels       TEXT    NOT NULL, -- JSON
    state        TEXT    NOT NULL,
    reason       TEXT    NOT NULL DEFAULT '',
    created_at   BIGINT  NOT NULL,
    -- The rounds of decisions, and the last one that the conductor was told of.
    decide_seq   BIGINT  NOT NULL DEFAULT 1,
    told_seq     BIGINT  NOT NULL DEFAULT 0
);

CREATE TABLE plans (
    tenant            TEXT    PRIMARY KEY REFERENCES tenants (tenant) ON DELETE CASCADE,
    max_crawlers      INTEGER NOT NULL,
    slots_per_crawler INTEGER NOT NULL,
    max_slots         INTEGER NOT NULL,
    max_pages         BIGINT  NOT NULL,
    idle_after        BIGINT  NOT NULL, -- microseconds; 0 for the offering's
    weight            INTEGER NOT NULL
);

CREATE TABLE crawlers (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    guid         TEXT    NOT NULL UNIQUE,
    tenant       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    reason       TEXT    NOT NULL DEFAULT '',
    offering     TEXT    NOT NULL,
    provider     TEXT    NOT NULL,
    account      TEXT    NOT NULL,
    country      TEXT    NOT NULL,
    region       TEXT    NOT NULL,
    address      TEXT    NOT NULL DEFAULT '', -- asked for or declared, then observed
    provider_id  TEXT    NOT NULL DEFAULT '',
    build        TEXT    NOT NULL DEFAULT '',
    slots        INTEGER NOT NULL,
    -- The leases on it; the constraint is what keeps a crawler from being overbooked.
    leased       INTEGER NOT NULL DEFAULT 0 CHECK (leased BETWEEN 0 AND slots),
    served       INTEGER NOT NULL DEFAULT 0,
    proof        INTEGER NOT NULL DEFAULT 0,
    pid          INTEGER NOT NULL DEFAULT 0,
    idle_after   BIGINT  NOT NULL,
    ticket       TEXT    NOT NULL DEFAULT '', -- that it was started for
    price        BIGINT  NOT NULL,            -- of an hour, as it was when reserved
    currency     TEXT    NOT NULL,
    grain        TEXT    NOT NULL,
    booked       INTEGER NOT NULL DEFAULT 0,  -- its books are closed
    reserved_at  BIGINT  NOT NULL,
    launched_at  BIGINT  NOT NULL DEFAULT 0,
    main_at      BIGINT  NOT NULL DEFAULT 0,
    dialed_at    BIGINT  NOT NULL DEFAULT 0,
    serving_at   BIGINT  NOT NULL DEFAULT 0,
    idle_from    BIGINT  NOT NULL DEFAULT 0,
    retired_at   BIGINT  NOT NULL DEFAULT 0,
    gone_at      BIGINT  NOT NULL DEFAULT 0
);
CREATE INDEX crawlers_live ON crawlers (tenant, state) WHERE state <> 'gone';

CREATE TABLE sessions (
    tenant   TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    guid     TEXT   NOT NULL,
    offering TEXT   NOT NULL,
    address  TEXT   NOT NULL,
    bound_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE tickets (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       TEXT    NOT NULL,
    ticket       TEXT    NOT NULL,
    hash         TEXT    NOT NULL, -- of the input as it was given, normalised
    state        TEXT    NOT NULL,
    workflow_id  TEXT    NOT NULL,
    run_id       TEXT    NOT NULL,
    attempt      INTEGER NOT NULL,
    priority     INTEGER NOT NULL,
    session_key  TEXT    NOT NULL DEFAULT '',
    on_loss      TEXT    NOT NULL DEFAULT '',
    place        TEXT    NOT NULL DEFAULT '', -- JSON, '' for anywhere
    since        BIGINT  NOT NULL,            -- its age in the queue
    seen_at      BIGINT  NOT NULL,            -- its workflow last asked for it
    wait_code    TEXT    NOT NULL DEFAULT '',
    wait_message TEXT    NOT NULL DEFAULT '',
    wait_since   BIGINT  NOT NULL DEFAULT 0,
    wait_until   BIGINT  NOT NULL DEFAULT 0,
    -- The last lease, the epoch that the tenant's fence is to be raised to before
    -- the next one, and the one that it has been raised to.
    epoch        BIGINT  NOT NULL DEFAULT 0,
    epoch_wanted BIGINT  NOT NULL DEFAULT 0,
    fenced       BIGINT  NOT NULL DEFAULT 0,
    reopen       INTEGER NOT NULL DEFAULT 0, -- closed before: the crawl has to be opened again
    guid         TEXT    NOT NULL DEFAULT '', -- of the last lease
    avoid        TEXT    NOT NULL DEFAULT '', -- the crawler that it comes from
    never        INTEGER NOT NULL DEFAULT 0,
    outcome      TEXT    NOT NULL DEFAULT '',
    intent       TEXT    NOT NULL DEFAULT '', -- JSON
    result       TEXT    NOT NULL DEFAULT '', -- JSON; the bill is in the two columns below
    bill         BIGINT  NOT NULL DEFAULT 0,  -- the sum of its ledger lines
    currency     TEXT    NOT NULL DEFAULT '',
    accepted_at  BIGINT  NOT NULL,
    leased_at    BIGINT  NOT NULL DEFAULT 0,
    ended_at     BIGINT  NOT NULL DEFAULT 0,
    deadline     BIGINT  NOT NULL DEFAULT 0,
    -- The input as it is in effect, and what had been given where that differs. Last,
    -- because it may be long: the columns before it are read without it.
    hosts_given  INTEGER NOT NULL,
    pages_given  BIGINT  NOT NULL,
    spec         TEXT    NOT NULL,
    UNIQUE (tenant, ticket)
);
CREATE INDEX tickets_waiting ON tickets (tenant, priority, since, ticket) WHERE state = 'waiting';
CREATE INDEX tickets_capacity ON tickets (tenant, place, since)
    WHERE state = 'waiting' AND wait_code = 'capacity';
CREATE INDEX tickets_open ON tickets (tenant) WHERE state <> 'ended';

CREATE TABLE leases (
    tenant      TEXT    NOT NULL,
    ticket      TEXT    NOT NULL,
    guid        TEXT    NOT NULL REFERENCES crawlers (guid),
    epoch       BIGINT  NOT NULL,
    session_key TEXT    NOT NULL,
    offering    TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    warm        INTEGER NOT NULL,
    granted     INTEGER NOT NULL, -- handed over, not yet picked up
    workflow_id TEXT    NOT NULL,
    run_id      TEXT    NOT NULL,
    taken_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant, ticket)
);
CREATE INDEX leases_guid ON leases (guid);
CREATE INDEX leases_session ON leases (tenant, session_key) WHERE session_key <> '';
CREATE INDEX leases_granted ON leases (tenant) WHERE granted = 1;

CREATE TABLE decisions (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     BIGINT NOT NULL,
    tenant TEXT   NOT NULL,
    ticket TEXT   NOT NULL,
    guid   TEXT   NOT NULL,
    kind   TEXT   NOT NULL,
    reason TEXT   NOT NULL
);
CREATE INDEX decisions_ticket ON decisions (tenant, ticket) WHERE ticket <> '';
CREATE INDEX decisions_guid ON decisions (guid) WHERE guid <> '';

-- Only ever added to, and kept when the tenant is erased.
CREATE TABLE ledger (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    at       BIGINT NOT NULL,
    tenant   TEXT   NOT NULL,
    ticket   TEXT   NOT NULL,
    guid     TEXT   NOT NULL,
    offering TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    time     BIGINT NOT NULL, -- microseconds
    amount   BIGINT NOT NULL,
    currency TEXT   NOT NULL
);
CREATE INDEX ledger_ticket ON ledger (tenant, ticket);
CREATE INDEX ledger_guid ON ledger (guid);

CREATE TABLE cooldowns (
    scope  TEXT   NOT NULL, -- offering, region or account
    id     TEXT   NOT NULL,
    until  BIGINT NOT NULL,
    class  TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    PRIMARY KEY (scope, id)
);

-- Credentials, by digest only.
CREATE TABLE keys (
    digest     TEXT   PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     BIGINT NOT NULL,
    tenant TEXT   NOT NULL,
    actor  TEXT   NOT NULL,
    action TEXT   NOT NULL,
    detail TEXT   NOT NULL
);

-- +goose Down
DROP TABLE audit;
DROP TABLE keys;
DROP TABLE cooldowns;
DROP TABLE ledger;
DROP TABLE decisions;
DROP TABLE leases;
DROP TABLE tickets;
DROP TABLE sessions;
DROP TABLE crawlers;
DROP TABLE plans;
DROP TABLE tenants;
DROP TABLE fleet;
