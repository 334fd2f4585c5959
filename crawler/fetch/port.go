package fetch

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// errPort says that a ticket leaves the port of a URL out.
var errPort = errors.New("port: not one of fetch.ports")

// Only gives a view of the client that asks no other port than these. The guard decides as
// before: a port that it refuses stays refused. Connections are shared with the client,
// which is the one to close.
func (c *Client) Only(ports []int) *Client {
	only := *c
	only.chain = narrowed{c.chain, ports}
	return &only
}

// narrowed is a transport for some ports.
type narrowed struct {
	next  http.RoundTripper
	ports []int
}

// RoundTrip implements http.RoundTripper.
func (n narrowed) RoundTrip(req *http.Request) (*http.Response, error) {
	if port, err := strconv.Atoi(portOf(req.URL)); err != nil || !slices.Contains(n.ports, port) {
		return nil, errPort
	}
	return n.next.RoundTrip(req)
}

// portOf is the port that a URL means.
func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
