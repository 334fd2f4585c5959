// Package extract reads a page: its text decoded to UTF-8, its title, its links
// and the fields that a ticket asks for.
//
// A page is read once: by the tokenizer alone when only title and links are
// wanted, as a tree when CSS selectors are. Links come as they are written; whose
// they are and whether they are followed is the caller's business. Used by the
// crawl engine.
package extract
