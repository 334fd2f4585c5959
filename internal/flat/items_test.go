package flat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

func TestItems_ColumnsFollowFromTheFields(t *testing.T) {
	t.Parallel()
	inside := map[string]fleet.Field{"amount": {}, "currency": {}}
	fields := map[string]fleet.Field{"name": {}, "tags": {Many: true}, "price": {Fields: inside}, "offers": {Many: true, Fields: inside}}
	var b strings.Builder
	w := flat.NewItems(&b, fields)
	require.NoError(t, w.Write(fleet.Item{
		"name": "say \"hi\",\nthen go", "tags": []any{"x", "y"}, "price": fleet.Item{"amount": json.Number("9.50"), "currency": nil},
		"offers": []any{fleet.Item{"amount": true, "currency": "€"}}, "of no column": 1,
	}))
	require.NoError(t, w.Write(fleet.Item{"price": nil}))
	require.NoError(t, w.Flush())
	require.Equal(t, `name,offers,price.amount,price.currency,tags
"say ""hi"",
then go","[{""amount"":true,""currency"":""€""}]",9.50,,"[""x"",""y""]"
,,,,
`, b.String())

	b.Reset()
	require.NoError(t, flat.NewItems(&b, fields).Flush())
	require.Equal(t, "name,offers,price.amount,price.currency,tags\n", b.String(), "also without a row")
}
