// Package pgtest gives tests a real PostgreSQL: a cluster in a temporary directory, made
// by the first test of a binary that asks and gone with the binary, however that ends.
//
// It runs as another user where the tests run as root, who may not start one. A machine
// without PostgreSQL fails the test: what runs on it only is then not known to work.
//
// What both dialects have to keep to is here, too: migrations that leave the same tables
// behind (SameTables), and that bring the rows of older schemas forward (Pasts).
package pgtest
