-- +goose Up

ALTER TABLE crawls ADD COLUMN cuts TEXT COLLATE "C" NOT NULL DEFAULT ''; -- JSON, '' for none
ALTER TABLE crawls ADD COLUMN max_host BIGINT NOT NULL DEFAULT 0; -- 0 is no limit
ALTER TABLE crawls ADD COLUMN max_pattern BIGINT NOT NULL DEFAULT 0;
-- The crawl whose pages this one visits again, 0 for none.
ALTER TABLE crawls ADD COLUMN base BIGINT NOT NULL DEFAULT 0;

-- How many URLs of a host were ever found; counted where that is limited.
ALTER TABLE hosts ADD COLUMN found BIGINT NOT NULL DEFAULT 0;

-- The same by what URLs have in common.
CREATE TABLE patterns (
    crawl BIGINT NOT NULL,
    key   BYTEA NOT NULL, -- 128 bits of the pattern's SHA-256
    found BIGINT NOT NULL,
    PRIMARY KEY (crawl, key)
);

ALTER TABLE pages ADD COLUMN notes TEXT COLLATE "C" NOT NULL DEFAULT ''; -- JSON, '' for none
ALTER TABLE pages ADD COLUMN etag TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN last_modified TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN before TEXT COLLATE "C" NOT NULL DEFAULT ''; -- digest in the crawl's base

-- +goose Down
ALTER TABLE pages DROP COLUMN before;
ALTER TABLE pages DROP COLUMN last_modified;
ALTER TABLE pages DROP COLUMN etag;
ALTER TABLE pages DROP COLUMN notes;
DROP TABLE patterns;
ALTER TABLE hosts DROP COLUMN found;
ALTER TABLE crawls DROP COLUMN base;
ALTER TABLE crawls DROP COLUMN max_pattern;
ALTER TABLE crawls DROP COLUMN max_host;
ALTER TABLE crawls DROP COLUMN cuts;
