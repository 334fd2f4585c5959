-- +goose Up

ALTER TABLE crawls ADD COLUMN not_modified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crawls ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
-- The session that the ticket belongs to, '' for none.
ALTER TABLE crawls ADD COLUMN session TEXT NOT NULL DEFAULT '';

-- The hosts of each crawl, with what of theirs is open: so that URLs are handed out host
-- by host, and a slow one keeps no other from being crawled.
CREATE TABLE hosts (
    id       INTEGER PRIMARY KEY,
    crawl    INTEGER NOT NULL REFERENCES crawls (id),
    host     TEXT NOT NULL, -- with port, as in the canonical URL
    queued   INTEGER NOT NULL DEFAULT 0,
    inflight INTEGER NOT NULL DEFAULT 0,
    pace     INTEGER NOT NULL DEFAULT 0, -- microseconds between two requests
    note     TEXT NOT NULL DEFAULT '', -- for people
    UNIQUE (crawl, host)
);
CREATE INDEX hosts_open ON hosts (crawl, inflight, id) WHERE queued > 0;

-- What was found before has its host in its URL only: it shares one without a name.
ALTER TABLE frontier ADD COLUMN host INTEGER NOT NULL DEFAULT 0;
INSERT INTO hosts (crawl, host, queued, inflight) SELECT id, '', queued, inflight FROM crawls;
UPDATE frontier SET host = (SELECT h.id FROM hosts h WHERE h.crawl = frontier.crawl);
DROP INDEX frontier_open;
CREATE INDEX frontier_open ON frontier (crawl, state, host, depth, not_before)
    WHERE state = 'queued' OR state = 'inflight';

-- The clocks of hosts, each shared by all crawls of the tenant: who has the turn may ask.
CREATE TABLE clocks (
    name  TEXT NOT NULL PRIMARY KEY,
    crawl INTEGER NOT NULL, -- whose turn it is or was last
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL, -- when the turn ends; microseconds since 1970, as all below
    pace  INTEGER NOT NULL, -- the interval of that crawl
    hold  INTEGER NOT NULL DEFAULT 0 -- nobody's turn before
);
CREATE INDEX clocks_crawl ON clocks (crawl);
CREATE TABLE clock_waits (
    name  TEXT NOT NULL,
    crawl INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    since INTEGER NOT NULL,
    seen  INTEGER NOT NULL, -- who does not come back loses the place
    PRIMARY KEY (name, crawl)
);
CREATE INDEX clock_waits_crawl ON clock_waits (crawl);

-- What a session carries from one crawler to the next.
CREATE TABLE sessions (
    name  TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL, -- JSON
    at    INTEGER NOT NULL
);

-- +goose Down
DROP TABLE sessions;
DROP TABLE clock_waits;
DROP TABLE clocks;
DROP INDEX frontier_open;
CREATE INDEX frontier_open ON frontier (crawl, state, depth, not_before)
    WHERE state = 'queued' OR state = 'inflight';
ALTER TABLE frontier DROP COLUMN host;
DROP TABLE hosts;
ALTER TABLE crawls DROP COLUMN session;
ALTER TABLE crawls DROP COLUMN blocked;
ALTER TABLE crawls DROP COLUMN not_modified;
