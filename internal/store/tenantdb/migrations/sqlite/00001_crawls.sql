-- +goose Up

-- One row for each ticket: what the fence protects, and its counters.
CREATE TABLE crawls (
    id          INTEGER PRIMARY KEY,
    ticket      TEXT    NOT NULL UNIQUE,
    state       TEXT    NOT NULL CHECK (state IN ('running', 'closed')),
    epoch       INTEGER NOT NULL DEFAULT 0, -- no claim under an older lease is taken
    fence       INTEGER NOT NULL DEFAULT 0, -- of the claim that may store
    seq         INTEGER NOT NULL DEFAULT 0, -- last exchange of that claim
    reopened    INTEGER NOT NULL DEFAULT 0, -- epoch of the last reopening
    guid        TEXT    NOT NULL DEFAULT '',
    seeded      INTEGER NOT NULL DEFAULT 0, -- 1: the seeds are in the frontier
    ended       INTEGER NOT NULL DEFAULT 0, -- 1: closed by its own last exchange
    outcome     TEXT    NOT NULL DEFAULT '',
    reason      TEXT    NOT NULL DEFAULT '',
    error       TEXT    NOT NULL DEFAULT '', -- JSON, with outcome failed
    max_pages   INTEGER NOT NULL DEFAULT 0,
    max_depth   INTEGER NOT NULL DEFAULT 0,
    page_seq    INTEGER NOT NULL DEFAULT 0, -- cursor of the last stored page
    first_claim INTEGER NOT NULL DEFAULT 0, -- microseconds since 1970, 0 for never
    -- discovered = queued + inflight + fetched + redirected + failed + skipped, always.
    -- What is queued or in flight when the crawl is closed counts as skipped: it is
    -- not rewritten, so that a crawl of any size is closed and reopened at once.
    discovered  INTEGER NOT NULL DEFAULT 0,
    queued      INTEGER NOT NULL DEFAULT 0,
    inflight    INTEGER NOT NULL DEFAULT 0,
    fetched     INTEGER NOT NULL DEFAULT 0,
    redirected  INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    skipped     INTEGER NOT NULL DEFAULT 0,
    refetched   INTEGER NOT NULL DEFAULT 0,
    bytes       INTEGER NOT NULL DEFAULT 0
);

-- Every URL that a ticket has discovered, once.
CREATE TABLE frontier (
    id         INTEGER PRIMARY KEY,
    crawl      INTEGER NOT NULL REFERENCES crawls (id),
    key        BLOB    NOT NULL, -- first 128 bits of the canonical URL's SHA-256
    url        TEXT    NOT NULL, -- as it was found
    depth      INTEGER NOT NULL,
    parent     INTEGER,          -- the row of the page that named it
    hops       INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    state      TEXT    NOT NULL DEFAULT 'queued',
    reason     TEXT    NOT NULL DEFAULT '',
    not_before INTEGER NOT NULL DEFAULT 0, -- microseconds since 1970, for a retry
    batch      INTEGER NOT NULL DEFAULT 0, -- the exchange that handed it out
    UNIQUE (crawl, key)
);

-- What can be handed out, in its order, and what has been. Only open rows are in
-- it: the ends of a large crawl cost it nothing.
CREATE INDEX frontier_open ON frontier (crawl, state, depth, not_before)
    WHERE state = 'queued' OR state = 'inflight';

-- The end of each URL that a crawler reported; the frontier's id as key is why no
-- page can be stored twice.
CREATE TABLE pages (
    frontier     INTEGER PRIMARY KEY REFERENCES frontier (id),
    crawl        INTEGER NOT NULL,
    seq          INTEGER NOT NULL, -- readers' cursor: rises in commit order
    outcome      TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    status       INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    fields       TEXT    NOT NULL, -- JSON, '' for none
    bytes        INTEGER NOT NULL,
    sha256       TEXT    NOT NULL,
    truncated    INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    fetched_at   INTEGER NOT NULL, -- microseconds since 1970, 0 for never
    took         INTEGER NOT NULL, -- nanoseconds
    target       TEXT    NOT NULL, -- where a redirect leads
    guid         TEXT    NOT NULL,
    UNIQUE (crawl, seq)
);

-- +goose Down
DROP TABLE pages;
DROP TABLE frontier;
DROP TABLE crawls;
