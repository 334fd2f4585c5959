-- +goose Up
-- The digest of the nonce that a crawler was admitted with at the gateway, '' before. Its
-- bootstrap token is good for no other.
ALTER TABLE crawlers ADD COLUMN admitted TEXT NOT NULL DEFAULT '';
