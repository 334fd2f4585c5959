-- +goose Up

-- What a host was slowed down to by the last crawl that had its turn, in microseconds
-- between two requests, 0 for not at all: the next one goes on from there.
ALTER TABLE clocks ADD COLUMN slow INTEGER NOT NULL DEFAULT 0;

-- While 1 the frontier of the base is being copied, in the order of its keys; copied is the
-- last one that was.
ALTER TABLE crawls ADD COLUMN copying INTEGER NOT NULL DEFAULT 0;
ALTER TABLE crawls ADD COLUMN copied BLOB NOT NULL DEFAULT X'';

-- +goose Down
ALTER TABLE crawls DROP COLUMN copied;
ALTER TABLE crawls DROP COLUMN copying;
ALTER TABLE clocks DROP COLUMN slow;
