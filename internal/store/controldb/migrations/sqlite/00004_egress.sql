-- +goose Up
-- Places that change while the fleet runs, what is remembered of addresses, and what the
-- comparison with the providers found.

-- What the providers offer, as the running fleet knows it; readers have it from here.
CREATE TABLE offerings (
    offering TEXT    PRIMARY KEY,
    provider TEXT    NOT NULL,
    pins     INTEGER NOT NULL,
    doc      TEXT    NOT NULL -- JSON
);

-- A tenant's memory of an address at a host.
CREATE TABLE egress (
    tenant    TEXT    NOT NULL,
    host      TEXT    NOT NULL,
    address   TEXT    NOT NULL,
    used_at   BIGINT  NOT NULL,
    window_at BIGINT  NOT NULL DEFAULT 0, -- since when the answers are counted
    pages     BIGINT  NOT NULL DEFAULT 0,
    refused   BIGINT  NOT NULL DEFAULT 0,
    took      BIGINT  NOT NULL DEFAULT 0, -- microseconds of a page, a moving mean
    slow      INTEGER NOT NULL DEFAULT 0,
    strikes   INTEGER NOT NULL DEFAULT 0,
    until     BIGINT  NOT NULL DEFAULT 0, -- of the last ban
    why       TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, host, address)
);
CREATE INDEX egress_shunned ON egress (host, tenant) WHERE until > 0 OR slow = 1;
CREATE INDEX egress_used ON egress (tenant, used_at);

-- The hosts of a ticket, JSON; '' for one that was accepted before.
ALTER TABLE tickets ADD COLUMN hosts TEXT NOT NULL DEFAULT '';

-- The last comparison with each provider's list, and what was there on one side only.
CREATE TABLE comparisons (
    provider  TEXT    PRIMARY KEY,
    tried_at  BIGINT  NOT NULL,
    done_at   BIGINT  NOT NULL DEFAULT 0,
    instances BIGINT  NOT NULL DEFAULT 0,
    error     TEXT    NOT NULL DEFAULT ''
);
CREATE TABLE leftovers (
    provider    TEXT   NOT NULL,
    guid        TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    tenant      TEXT   NOT NULL,
    offering    TEXT   NOT NULL,
    provider_id TEXT   NOT NULL,
    address     TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    found_at    BIGINT NOT NULL,
    price       BIGINT NOT NULL, -- of an hour
    currency    TEXT   NOT NULL, -- '' where the price is not known
    grain       TEXT   NOT NULL,
    PRIMARY KEY (provider, guid)
);

-- +goose Down
DROP TABLE leftovers;
DROP TABLE comparisons;
ALTER TABLE tickets DROP COLUMN hosts;
DROP TABLE egress;
DROP TABLE offerings;
