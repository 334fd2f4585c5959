package fleet_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const shopFields = `{
 "name": {"css": "h1", "required": true},
 "tags": {"css": ".tag", "many": true},
 "price": {"css": ".price", "fields": {"amount": {"css": "b", "type": "number", "required": true}, "currency": {"css": "i"}}},
 "offers": {"css": ".offer", "many": true, "required": true, "fields": {
   "sku": {"css": "b", "type": "int", "required": true}, "sizes": {"css": "i", "many": true}}}
}`

// Each case is a page's stored fields and what comes of them.
func TestItems_HaveExactlyTheirFields(t *testing.T) {
	t.Parallel()
	fields, err := fleet.ParseFields([]byte(shopFields))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		each, fields string
		page         fleet.PageResult
		items        string // JSON lines without line ends
		missing      []string
		flaw         string
	}{
		"whole": {
			fields: `{"name":"A","tags":["x"],"price":{"amount":9.5,"currency":"EUR"},"offers":[{"sku":12345678901234567,"sizes":["S"]}]}`,
			items:  `{"name":"A","offers":[{"sizes":["S"],"sku":12345678901234567}],"price":{"amount":9.5,"currency":"EUR"},"tags":["x"]}`,
		},
		"nothing": {
			fields:  `{"name":null,"tags":null,"price":null,"offers":null}`,
			items:   `{"name":null,"offers":[],"price":null,"tags":[]}`,
			missing: []string{"name", "offers"},
			flaw:    "lacks name, offers",
		},
		"in others": {
			fields:  `{"name":"A","price":{},"offers":[{"sku":1},{"sizes":["S"]}]}`,
			items:   `{"name":"A","offers":[{"sizes":[],"sku":1},{"sizes":["S"],"sku":null}],"price":{"amount":null,"currency":null},"tags":[]}`,
			missing: []string{"offers[1].sku", "price.amount"},
			flaw:    "lacks offers[1].sku, price.amount",
		},
		"more and other than asked": { // of an attempt with other rules
			fields:  `{"name":"A","old":1,"tags":"x","price":"9","offers":[{"sku":1,"old":2}]}`,
			items:   `{"name":"A","offers":[{"sizes":[],"sku":1}],"price":null,"tags":["x"]}`,
			missing: nil,
		},
		"each": {
			each: "offers", fields: `{"name":null,"offers":[{"sku":1},{"sizes":["S"]}]}`,
			items:   `{"sizes":[],"sku":1}{"sizes":["S"],"sku":null}`,
			missing: []string{"sku"}, flaw: "lacks name, offers[1].sku",
		},
		"each of none": {each: "offers", fields: `{"name":"A"}`, flaw: "lacks offers"},
		"mistyped": {
			fields: `{"name":"A","offers":[{"sku":1}]}`, page: fleet.PageResult{Notes: fleet.Notes{Mistyped: []string{"price.amount"}}},
			items: `{"name":"A","offers":[{"sizes":[],"sku":1}],"price":null,"tags":[]}`, flaw: "has another type in price.amount",
		},
		"cut": {
			fields: `{"name":"A","offers":[{"sku":1}]}`, page: fleet.PageResult{Truncated: true},
			items: `{"name":"A","offers":[{"sizes":[],"sku":1}],"price":null,"tags":[]}`, flaw: "its body was cut",
		},
		"not read":     {page: fleet.PageResult{Reason: "more than 250000 elements, fields are not read"}, flaw: "more than 250000 elements, fields are not read"},
		"no page":      {page: fleet.PageResult{ContentType: "image/png", Truncated: true}},
		"failed":       {page: fleet.PageResult{Outcome: fleet.PageFailed, Reason: "timeout"}},
		"not modified": {page: fleet.PageResult{Outcome: fleet.PageNotModified}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema, err := fleet.NewItems(fields, c.each)
			require.NoError(t, err)
			p := fleet.PageRow{Seq: 7, PageResult: c.page}
			p.URL = "http://a.test/"
			if p.Outcome == "" {
				p.Outcome = fleet.PageFetched
			}
			if p.ContentType == "" {
				p.ContentType = "text/html"
			}
			if c.fields != "" {
				require.NoError(t, json.Unmarshal([]byte(c.fields), &p.Fields))
			}
			found, flaw := schema.Of(p)
			var items string
			var missing []string
			for _, f := range found {
				b, err := json.Marshal(f.Item)
				require.NoError(t, err)
				items += string(b)
				missing = append(missing, f.Missing...)
			}
			require.Equal(t, c.items, items)
			require.Equal(t, c.missing, missing)
			require.Equal(t, c.flaw, flaw.String())
			require.EqualValues(t, 7, flaw.Seq)
		})
	}
}

func TestNewItems_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	fields, err := fleet.ParseFields([]byte(shopFields))
	require.NoError(t, err)
	for each, want := range map[string]map[string]fleet.Field{"": nil, "name": fields, "price": fields, "tags": fields, "none": fields} {
		_, err := fleet.NewItems(want, each)
		var e *fleet.Error
		require.ErrorAs(t, err, &e, each)
		require.Equal(t, fleet.CodeInvalid, e.Code)
		require.Equal(t, map[bool]string{true: "items", false: "each"}[each == ""], e.Field)
	}
}
