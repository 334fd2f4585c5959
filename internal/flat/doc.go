// Package flat writes values as CSV (RFC 4180): a struct's fields become columns, those
// of structs in it too, named by their JSON names with dots between. Lists and maps are
// one column of JSON each. The columns follow from the type alone, so that a stream of
// any length has one header. The CLI and the tenant's web app use it.
package flat
