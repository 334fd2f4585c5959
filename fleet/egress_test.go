package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestOffering_Mismatch(t *testing.T) {
	t.Parallel()
	own, shared := fleet.EgressOwn, fleet.EgressShared
	pool := []string{"203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10"}
	for name, c := range map[string]struct {
		at        fleet.Offering
		own, seen string
		want      string // after "egress mismatch: "
	}{
		"nothing is declared":            {fleet.Offering{Egress: own}, "", "198.51.100.9", ""},
		"its own":                        {fleet.Offering{Egress: own}, "203.0.113.7", "203.0.113.7", ""},
		"its own, as IPv6 writes it":     {fleet.Offering{Egress: own}, "203.0.113.7", "::ffff:203.0.113.7", ""},
		"another than its own":           {fleet.Offering{Egress: own}, "203.0.113.7", "198.51.100.9", "declared 203.0.113.7, seen from 198.51.100.9"},
		"another of its place":           {fleet.Offering{Egress: own, Addresses: pool}, "203.0.113.7", "203.0.113.8", "declared 203.0.113.7, seen from 203.0.113.8"},
		"one of its place":               {fleet.Offering{Egress: own, Addresses: pool}, "", "203.0.113.8", ""},
		"none of its place":              {fleet.Offering{Egress: own, Addresses: pool}, "", "198.51.100.9", "declared 203.0.113.7, 203.0.113.8, 203.0.113.9 and 1 more, seen from 198.51.100.9"},
		"shared: any of the pool":        {fleet.Offering{Egress: shared, Addresses: pool}, "203.0.113.7", "203.0.113.8", ""},
		"shared: none of the pool":       {fleet.Offering{Egress: shared, Addresses: pool[:1]}, "203.0.113.7", "198.51.100.9", "declared 203.0.113.7, seen from 198.51.100.9"},
		"shared: no pool is declared":    {fleet.Offering{Egress: shared}, "203.0.113.7", "198.51.100.9", "declared 203.0.113.7, seen from 198.51.100.9"},
		"within its networks":            {fleet.Offering{Egress: own, Networks: []string{"203.0.113.0/24"}}, "", "203.0.113.7", ""},
		"outside its networks":           {fleet.Offering{Egress: own, Networks: []string{"203.0.113.0/24"}}, "", "198.51.100.9", "declared 203.0.113.0/24, seen from 198.51.100.9"},
		"its own, outside its networks":  {fleet.Offering{Egress: own, Networks: []string{"203.0.113.0/24"}}, "127.0.16.1", "127.0.16.1", "declared 203.0.113.0/24, seen from 127.0.16.1"},
		"IPv6 where nobody declared it":  {fleet.Offering{Egress: own}, "", "2001:db8::1", "declared IPv4 alone, seen from 2001:db8::1"},
		"IPv6 where it is declared":      {fleet.Offering{Egress: own, IPv6: true}, "", "2001:db8::1", ""},
		"IPv6 that is listed":            {fleet.Offering{Egress: shared, Addresses: []string{"2001:db8::1"}}, "", "2001:db8::1", ""},
		"IPv6 that it was asked to have": {fleet.Offering{Egress: own}, "2001:db8::1", "2001:db8::1", ""},
		"from nowhere":                   {fleet.Offering{Egress: own, Addresses: pool[:1]}, "", "", "declared 203.0.113.7, seen from nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := c.want
			if want != "" {
				want = "egress mismatch: " + want
			}
			require.Equal(t, want, c.at.Mismatch(c.own, c.seen))
		})
	}
}

func TestPageResult_Refusal(t *testing.T) {
	t.Parallel()
	require.Empty(t, fleet.PageResult{Status: 200, Outcome: fleet.PageFetched}.Refusal())
	require.Empty(t, fleet.PageResult{Status: 404, Outcome: fleet.PageFailed}.Refusal())
	require.Empty(t, fleet.PageResult{Status: 503, Outcome: fleet.PageFailed}.Refusal())
	require.Equal(t, "status 429", fleet.PageResult{Status: 429, Retry: true}.Refusal())
	require.Equal(t, "status 403", fleet.PageResult{Status: 403, Outcome: fleet.PageFailed}.Refusal())
	require.Equal(t, "challenge: x", fleet.PageResult{Status: 200, Outcome: fleet.PageBlocked, Reason: "challenge: x"}.Refusal())
	require.NotEmpty(t, fleet.PageResult{Outcome: fleet.PageBlocked}.Refusal())
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://Example.com/a": "example.com", "https://example.com:443/": "example.com",
		"http://example.com:80/": "example.com", "http://example.com:8080/": "example.com:8080",
		"https://example.com:80/": "example.com:80", "http://[::1]:80/": "[::1]", "://": "",
	} {
		require.Equal(t, want, fleet.HostOf(url), url)
	}
}

func TestTicket_AddressesThatContradict(t *testing.T) {
	t.Parallel()
	ticket := func(change func(*fleet.TicketInput)) error {
		in := fleet.TicketInput{Tenant: "acme", URLs: []string{"https://example.com/"}}
		change(&in)
		_, err := in.Normalise()
		return err
	}
	session := &fleet.Session{Key: "ann"}
	require.NoError(t, ticket(func(in *fleet.TicketInput) { in.Place.Address = "203.0.113.7" }))
	require.NoError(t, ticket(func(in *fleet.TicketInput) { in.Place.FreshAddress = true }))
	for field, change := range map[string]func(*fleet.TicketInput){
		"place.address":      func(in *fleet.TicketInput) { in.Place.Address = "example.com" },
		"place.freshAddress": func(in *fleet.TicketInput) { in.Place.Address, in.Place.FreshAddress = "203.0.113.7", true },
	} {
		var e *fleet.Error
		require.ErrorAs(t, ticket(change), &e)
		require.Equal(t, field, e.Field)
	}
	for _, change := range []func(*fleet.TicketInput){
		func(in *fleet.TicketInput) { in.Place.Address, in.Session = "203.0.113.7", session },
		func(in *fleet.TicketInput) { in.Place.FreshAddress, in.Session = true, session },
		func(in *fleet.TicketInput) { in.Place.Address = "::ffff:203.0.113.7" },
		func(in *fleet.TicketInput) { in.Place.Address = "2001:DB8::1" },
	} {
		require.Error(t, ticket(change))
	}
}
