// Package extract reads a page: its text decoded to UTF-8, its title, its references, what
// it says of itself and the fields that a ticket asks for.
//
// A page is read once: by the tokenizer alone when no fields are wanted, else as a tree, on
// which CSS, XPath, meta elements, JSON-LD, microdata and main content all work. The tree
// is bounded: a page with more elements than any honest one has is read without its
// fields. References come as they are written; whose they are and whether they are followed
// is the caller's business. Used by the crawl engine, and by the command line to try rules.
package extract
