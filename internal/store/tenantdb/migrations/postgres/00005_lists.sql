-- +goose Up

-- Why the URL is read as a list of URLs, '' for a page.
ALTER TABLE frontier ADD COLUMN list TEXT COLLATE "C" NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE frontier DROP COLUMN list;
