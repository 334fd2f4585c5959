package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestSeedHosts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ urls, want []string }{
		"without www":   {[]string{"https://Example.com/a"}, []string{"example.com", "www.example.com"}},
		"with www":      {[]string{"https://www.example.com/a"}, []string{"www.example.com", "example.com"}},
		"both":          {[]string{"http://www.example.com/", "http://example.com/"}, []string{"www.example.com", "example.com"}},
		"each once":     {[]string{"http://example.com/", "https://example.com/b"}, []string{"example.com", "www.example.com"}},
		"given first":   {[]string{"http://a.test/", "http://b.test/"}, []string{"a.test", "b.test", "www.a.test", "www.b.test"}},
		"below":         {[]string{"http://docs.a.test/"}, []string{"docs.a.test", "www.docs.a.test"}},
		"port":          {[]string{"http://a.test:8080/", "http://www.b.test:8443/"}, []string{"a.test:8080", "www.b.test:8443", "www.a.test:8080", "b.test:8443"}},
		"its own port":  {[]string{"https://a.test:443/"}, []string{"a.test", "www.a.test"}},
		"dot behind":    {[]string{"http://a.test./"}, []string{"a.test.", "www.a.test."}},
		"digits":        {[]string{"http://1.test/"}, []string{"1.test", "www.1.test"}},
		"one label":     {[]string{"http://localhost:8080/", "http://intranet./"}, []string{"localhost:8080", "intranet."}},
		"www of one":    {[]string{"http://www.com/"}, []string{"www.com"}},
		"www alone":     {[]string{"http://www/"}, []string{"www"}},
		"address":       {[]string{"http://127.0.0.1:8080/", "http://203.0.113.7/"}, []string{"127.0.0.1:8080", "203.0.113.7"}},
		"short address": {[]string{"http://127.1/", "http://10.0x7/"}, []string{"127.1", "10.0x7"}},
		"version 6":     {[]string{"http://[2001:db8::1]:8080/", "http://[::ffff:1.2.3.4]/"}, []string{"[2001:db8::1]:8080", "[::ffff:1.2.3.4]"}},
		"no URL":        {[]string{"://", ""}, nil},
	} {
		require.Equal(t, c.want, fleet.SeedHosts(c.urls), name)
	}
}

func TestScopeHosts(t *testing.T) {
	t.Parallel()
	urls := []string{"https://example.com/"}
	for name, c := range map[string]struct {
		scope fleet.Scope
		want  []string
	}{
		"none":     {fleet.Scope{}, []string{"example.com", "www.example.com"}},
		"hosts":    {fleet.Scope{Hosts: []string{"a.test"}}, []string{"a.test"}},
		"domains":  {fleet.Scope{Domains: []string{"a.test"}}, nil},
		"prefixes": {fleet.Scope{Prefixes: []string{"https://example.com/docs/"}}, nil},
		"patterns": {fleet.Scope{Include: []string{"a"}}, []string{"example.com", "www.example.com"}},
	} {
		require.Equal(t, c.want, fleet.TicketInput{URLs: urls, Scope: c.scope}.ScopeHosts(), name)
	}
}
