package fleet_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const smallest = `{"tenant":"demo","urls":["http://example.com/"]}`

func TestParseTicket_TheSmallestGetsEveryDefault(t *testing.T) {
	t.Parallel()
	in, err := fleet.ParseTicket([]byte(smallest))
	require.NoError(t, err)
	require.Equal(t, fleet.DefaultPriority, in.Priority)
	require.Equal(t, fleet.DefaultDelay, in.Fetch.Delay.Std())
	require.Equal(t, fleet.DefaultConcurrency, in.Fetch.Concurrency)
	require.Equal(t, fleet.DefaultTimeout, in.Fetch.Timeout.Std())
	require.EqualValues(t, fleet.DefaultMaxBody, in.Fetch.MaxBody)
	require.Equal(t, fleet.DefaultRetries, *in.Fetch.Retries)
	require.Equal(t, fleet.DefaultMaxDepth, *in.Scope.MaxDepth)
	require.Equal(t, 1, in.Attempt)
}

func TestParseTicket_NamesTheField(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", fleet.MaxURL+1)
	for _, c := range []struct {
		doc   string // fields added to a good ticket, or a whole document
		code  fleet.Code
		field string
	}{
		{`"tenant":"Demo"`, fleet.CodeInvalid, "tenant"},
		{`"tenant":""`, fleet.CodeInvalid, "tenant"},
		{`"tenant":7`, fleet.CodeInvalid, "tenant"},
		{`"id":"no spaces"`, fleet.CodeInvalid, "id"},
		{`"urls":[]`, fleet.CodeInvalid, "urls"},
		{`"urls":"http://a/"`, fleet.CodeInvalid, "urls"},
		{`"urls":["http://a/","ftp://a/"]`, fleet.CodeInvalid, "urls[1]"},
		{`"urls":["/path"]`, fleet.CodeInvalid, "urls[0]"},
		{`"urls":["http://"]`, fleet.CodeInvalid, "urls[0]"},
		{`"urls":["http://ann:pw@a/"]`, fleet.CodeInvalid, "urls[0]"},
		{`"urls":["http://a/` + long + `"]`, fleet.CodeInvalid, "urls[0]"},
		{`"colour":"red"`, fleet.CodeUnknownField, "colour"},
		{`"scope":{"maxpages":1,"deep":1}`, fleet.CodeUnknownField, "scope.deep"},
		{`"fetch":{"PORTS":[80]},"scope":{"ports":[80]}`, fleet.CodeUnknownField, "scope.ports"},
		{`"extract":{"a":{"css":"h1"},"b":{"css":"h1","fields":{"c":{"ccs":"h1"}}}}`, fleet.CodeUnknownField, "extract.b.fields.c.ccs"},
		{`"extract":{"a\n` + long + `":{"ccs":"h1"}}`, fleet.CodeUnknownField, `extract.a\n` + long[:62] + `….ccs`},
		{`"extract":{"a":{"css":"h1"},"b":{"many":"yes"}}`, fleet.CodeInvalid, "extract.b.many"},
		{`"urls":["http://a/",1]`, fleet.CodeInvalid, "urls[1]"},
		{`"labels":{"a":"b","c":1}`, fleet.CodeInvalid, "labels.c"},
		{`"fetch":null,"colour":1`, fleet.CodeUnknownField, "colour"},
		{`"fetch":"fast"`, fleet.CodeInvalid, "fetch"},
		{`"fetch":{"retries":"2"},"colour":"red"`, fleet.CodeInvalid, "fetch.retries"},
		{`"colour":"red","fetch":{"delay":5}`, fleet.CodeUnknownField, "colour"},
		{`"session":{"key":"a","headers":{"Accept":["text/html"]}}`, fleet.CodeInvalid, "session.headers.Accept"},
		{`{"colour":`, fleet.CodeInvalid, ""},
		{`"scope":{"hosts":["a/b"]}`, fleet.CodeInvalid, "scope.hosts[0]"},
		{`"scope":{"hosts":[""]}`, fleet.CodeInvalid, "scope.hosts[0]"},
		{`"scope":{"include":["("]}`, fleet.CodeInvalid, "scope.include[0]"},
		{`"scope":{"include":["("],"exclude":["("]}`, fleet.CodeInvalid, "scope.include[0]"},
		{`"scope":{"exclude":["a","("]}`, fleet.CodeInvalid, "scope.exclude[1]"},
		{`"scope":{"maxDepth":-1}`, fleet.CodeInvalid, "scope.maxDepth"},
		{`"scope":{"maxPages":10000001}`, fleet.CodeInvalid, "scope.maxPages"},
		{`"fetch":{"delay":5}`, fleet.CodeInvalid, "fetch.delay"},
		{`"fetch":{"delay":"5 minutes"}`, fleet.CodeInvalid, "fetch.delay"},
		{`"fetch":{"delay":"2h"}`, fleet.CodeInvalid, "fetch.delay"},
		{`"fetch":{"timeout":"1ms"}`, fleet.CodeInvalid, "fetch.timeout"},
		{`"fetch":{"concurrency":65}`, fleet.CodeInvalid, "fetch.concurrency"},
		{`"fetch":{"retries":11}`, fleet.CodeInvalid, "fetch.retries"},
		{`"fetch":{"maxBody":104857601}`, fleet.CodeInvalid, "fetch.maxBody"},
		{`"fetch":{"clock":"mine"}`, fleet.CodeInvalid, "fetch.clock"},
		{`"fetch":{"maxCrawlDelay":"2h"}`, fleet.CodeInvalid, "fetch.maxCrawlDelay"},
		{`"fetch":{"ports":[80,0]}`, fleet.CodeInvalid, "fetch.ports[1]"},
		{`"fetch":{"ports":[80,65536]}`, fleet.CodeInvalid, "fetch.ports[1]"},
		{`"fetch":{"ports":[80,443,80]}`, fleet.CodeInvalid, "fetch.ports[2]"},
		{`"fetch":{"ports":"80"}`, fleet.CodeInvalid, "fetch.ports"},
		{`"fetch":{"ports":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}`, fleet.CodeInvalid, "fetch.ports"},
		{`"fetch":{"ports":[8080]}`, fleet.CodeInvalid, "urls[0]"},
		{`"fetch":{"ports":[80,443]},"scope":{"hosts":["a.test","a.test:8080"]}`, fleet.CodeInvalid, "scope.hosts[1]"},
		{`"fetch":{"ports":[80,443]},"scope":{"prefixes":["http://a.test:8443/"]}`, fleet.CodeInvalid, "scope.prefixes[0]"},
		{`"fetch":{"ports":[80,443]},"sources":{"files":["http://a.test:8443/"]}`, fleet.CodeInvalid, "sources.files[0]"},
		{`"fetch":{"robots":"maybe"}`, fleet.CodeInvalid, "fetch.robots"},
		{`"extract":{"b":{"css":""},"a":{"css":" "}}`, fleet.CodeInvalid, "extract.a.css"},
		{`"extract":{"":{"css":"h1"}}`, fleet.CodeInvalid, "extract"},
		{`"session":{}`, fleet.CodeInvalid, "session.key"},
		{`"session":{"key":"a","onLoss":"cry"}`, fleet.CodeInvalid, "session.onLoss"},
		{`"place":{"countries":["Germany"]}`, fleet.CodeInvalid, "place.countries[0]"},
		{`"priority":6`, fleet.CodeInvalid, "priority"},
		{`"attempt":101`, fleet.CodeInvalid, "attempt"},
		{`"deadline":"tomorrow"`, fleet.CodeInvalid, "deadline"},
		{`"deadline":"-5m"`, fleet.CodeInvalid, "deadline"},
		{`"deadline":"x","startAt":"x"`, fleet.CodeInvalid, "deadline"},
		{`"labels":{"z":"1","a":"` + strings.Repeat("x", 257) + `"}`, fleet.CodeInvalid, "labels.a"},
		{`[]`, fleet.CodeInvalid, ""},
		{`{} {}`, fleet.CodeInvalid, ""},
		{``, fleet.CodeInvalid, ""},
		{`null`, fleet.CodeInvalid, "tenant"},
	} {
		doc := c.doc
		if strings.HasPrefix(doc, `"`) {
			doc = smallest[:len(smallest)-1] + "," + doc + "}"
		}
		for range 5 { // and always the same one
			_, err := fleet.ParseTicket([]byte(doc))
			var e *fleet.Error
			require.ErrorAs(t, err, &e, doc)
			require.Equal(t, c.code, e.Code, doc)
			require.Equal(t, c.field, e.Field, doc)
			require.NotContains(t, e.Error(), "ann:pw")
		}
	}
}

// Rules have the names that they have in a ticket.
func TestParseFields_NamesTheField(t *testing.T) {
	t.Parallel()
	for doc, field := range map[string]string{
		`{"a":{"css":"h1"},"b":{"ccs":"h1"}}`: "extract.b.ccs",
		`{"a":{"css":"h1","many":"all"}}`:     "extract.a.many",
		`{"a":{"css":" "}}`:                   "extract.a.css",
		`["h1"]`:                              "extract",
	} {
		_, err := fleet.ParseFields([]byte(doc))
		var e *fleet.Error
		require.ErrorAs(t, err, &e, doc)
		require.Equal(t, field, e.Field, doc)
	}
}

// A document that is nothing but fields in fields is refused in few words.
func TestParseTicket_NamesNoEndlessPath(t *testing.T) {
	t.Parallel()
	const deep = 4000 // encoding/json takes 10,000
	fields := strings.Repeat(`{"fields":{"f":`, deep) + `{"ccs":1}` + strings.Repeat("}}", deep)
	_, err := fleet.ParseTicket([]byte(`{"extract":{"a":` + fields + `}}`))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.Less(t, len(err.Error()), 1000)
}

func TestParseTicket_RefusesADocumentThatTemporalWouldNotTake(t *testing.T) {
	t.Parallel()
	seed := `"http://example.com/` + strings.Repeat("x", 1000) + `"`
	doc := `{"tenant":"demo","urls":[` + strings.Repeat(seed+",", 1100) + seed + `]}`
	_, err := fleet.ParseTicket([]byte(doc))
	require.ErrorContains(t, err, "several tickets")
}

func TestHash_SameMeaningSameTicket(t *testing.T) {
	t.Parallel()
	a := parse(t, smallest)
	require.Equal(t, a.Hash(), parse(t, `{"urls":[" http://example.com/ "],"tenant":"demo","id":"x","attempt":2,
		"labels":{},"priority":3,"fetch":{"delay":"500ms","robots":"obey"}}`).Hash())
	require.NotEqual(t, a.Hash(), parse(t, `{"tenant":"demo","urls":["http://example.com/a"]}`).Hash())
}

func TestDiffers_NamesTheFirstField(t *testing.T) {
	t.Parallel()
	a := parse(t, smallest)
	for more, want := range map[string]string{
		`"id":"x","attempt":3`:                         "",
		`"priority":1`:                                 "priority",
		`"fetch":{"retries":0},"priority":1`:           "fetch.retries",
		`"scope":{"maxPages":3}`:                       "scope.maxPages",
		`"session":{"key":"a"}`:                        "session",
		`"labels":{"a":"b"}`:                           "labels",
		`"fetch":{"delay":"1s","concurrency":2}`:       "fetch.concurrency",
		`"place":{"countries":["DE"]},"deadline":"1m"`: "deadline",
	} {
		b := parse(t, smallest[:len(smallest)-1]+","+more+"}")
		require.Equal(t, want, a.Differs(b), more)
		require.Equal(t, want, b.Differs(a), more)
		require.Equal(t, want == "", a.Hash() == b.Hash(), more)
	}
}

func TestCheckPrivate_RefusesWhatIsNotPublic(t *testing.T) {
	t.Parallel()
	for host, refused := range map[string]bool{
		"example.com": false, "93.184.216.34": false, "[2606:4700::1]": false, "172.32.0.1": false,
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9:81": true,
		"10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true, "169.254.169.254": true, "0.0.0.0": true,
		"0.1.2.3": true, "100.64.0.1": true, "224.0.0.1": true, "255.255.255.255": true,
		"[::1]": true, "[::]": true, "[fe80::1]": true, "[fd00::1]": true, "[::ffff:127.0.0.1]": true,
	} {
		in := fleet.TicketInput{URLs: []string{"http://example.com/", "http://" + host + "/"}}
		err := in.CheckPrivate(nil)
		if !refused {
			require.NoError(t, err, host)
			continue
		}
		var e *fleet.Error
		require.ErrorAs(t, err, &e, host)
		require.Equal(t, fleet.CodeForbidden, e.Code, host)
		require.Equal(t, "urls[1]", e.Field, host)
		require.NoError(t, in.CheckPrivate([]netip.Prefix{
			netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"),
		}), host)
	}
	hook := fleet.TicketInput{URLs: []string{"http://example.com/"}, Webhook: "http://10.0.0.1/hook"}
	require.ErrorContains(t, hook.CheckPrivate(nil), "webhook: 10.0.0.1:80 is a private address")
	tenant := fleet.TenantInput{Webhooks: []fleet.Webhook{{URL: "https://example.com/"}, {URL: "https://localhost/"}}}
	require.ErrorContains(t, tenant.CheckPrivate(nil), "webhooks[1].url: localhost:443 is a private address")
	in := fleet.TicketInput{URLs: []string{"http://localhost/", "http://10.0.0.1/"}}
	require.ErrorContains(t, in.CheckPrivate([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), "10.0.0.1:80")
}

// FuzzParseTicket: whatever comes in, the answer is a ticket that stays what it is, or
// a coded error.
func FuzzParseTicket(f *testing.F) {
	f.Add([]byte(smallest))
	f.Add([]byte(`{"tenant":"demo","urls":["http://a/"],"fetch":{"delay":"1s"},"session":{"key":"k"}}`))
	f.Add([]byte(`{"tenant":"é` + strings.Repeat("é", 80) + `"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := fleet.ParseTicket(b)
		if err != nil {
			require.NotEqual(t, fleet.CodeInternal, fleet.CodeOf(err))
			require.Equal(t, err.Error(), strings.ToValidUTF8(err.Error(), "?"))
			return
		}
		text, err := json.Marshal(in)
		require.NoError(t, err)
		if len(text) > fleet.MaxDocument { // escapes may make it longer
			return
		}
		again, err := fleet.ParseTicket(text)
		require.NoError(t, err)
		require.Equal(t, in.Hash(), again.Hash(), string(text))
		require.Empty(t, in.Differs(again))
	})
}

func parse(t *testing.T, doc string) fleet.TicketInput {
	t.Helper()
	in, err := fleet.ParseTicket([]byte(doc))
	require.NoError(t, err)
	return in
}

func TestSeeds_KeepsToThemselvesWhatIsNobodysBusiness(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		urls []string
	}{
		{"", nil},
		{"https://shop.example/a%2Fb", []string{"https://me:word@shop.example/a%2Fb?token=1#part"}},
		{"http://one.example:8080/ and 2 more", []string{"http://one.example:8080/", "http://two.example", "x"}},
		{"?", []string{"::not a url"}},
	} {
		require.Equal(t, c.want, fleet.Seeds(c.urls))
	}
}

func TestSubject_IsWhatItsReadersAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want string
		urls []string
	}{
		{"", nil},
		{"https://shop.example/a?token=1", []string{"https://shop.example/a?token=1"}},
		{"http://one.example/ and 2 more", []string{" http://one.example/", "http://two.example", "x"}},
	} {
		require.Equal(t, c.want, fleet.TicketInput{URLs: c.urls}.Subject())
	}
}
