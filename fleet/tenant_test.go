package fleet_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestParseTenant_NamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		doc   string
		code  fleet.Code
		field string
	}{
		{`{"tenant":"-a"}`, fleet.CodeInvalid, "tenant"},
		{`{"tenant":"` + strings.Repeat("a", 33) + `"}`, fleet.CodeInvalid, "tenant"},
		{`{"tenant":"a","name":"` + strings.Repeat("n", 201) + `"}`, fleet.CodeInvalid, "name"},
		{`{"tenant":"a","plan":{"maxCrawlers":1001}}`, fleet.CodeInvalid, "plan.maxCrawlers"},
		{`{"tenant":"a","plan":{"slotsPerCrawler":-1}}`, fleet.CodeInvalid, "plan.slotsPerCrawler"},
		{`{"tenant":"a","plan":{"maxSlots":64001}}`, fleet.CodeInvalid, "plan.maxSlots"},
		{`{"tenant":"a","plan":{"maxPages":10000001}}`, fleet.CodeInvalid, "plan.maxPages"},
		{`{"tenant":"a","plan":{"idleAfter":"25h"}}`, fleet.CodeInvalid, "plan.idleAfter"},
		{`{"tenant":"a","plan":{"idleAfter":60}}`, fleet.CodeInvalid, "plan.idleAfter"},
		{`{"tenant":"a","plan":{"weight":1001}}`, fleet.CodeInvalid, "plan.weight"},
		{`{"tenant":"a","plan":{"crawlers":1}}`, fleet.CodeUnknownField, "plan.crawlers"},
		{`{"tenant":"a","webhooks":[{"url":"https://a/"},{"urk":1}]}`, fleet.CodeUnknownField, "webhooks[1].urk"},
		{`{"tenant":"a","plan":{"keep":{"row":"1h"}}}`, fleet.CodeUnknownField, "plan.keep.row"},
		{`{"tenant":"a","plan":{"idleAfter":"1h","keep":{"rows":1}}}`, fleet.CodeInvalid, "plan.keep.rows"},
		{`{"tenant":"a","labels":{"":"x"}}`, fleet.CodeInvalid, "labels."},
		{`{"tenant":"a","plan":"gold"}`, fleet.CodeInvalid, "plan"},
	} {
		_, err := fleet.ParseTenant([]byte(c.doc))
		var e *fleet.Error
		require.ErrorAs(t, err, &e, c.doc)
		require.Equal(t, c.code, e.Code, c.doc)
		require.Equal(t, c.field, e.Field, c.doc)
	}
}

func TestPlan_DefaultsFollowFromWhatIsSet(t *testing.T) {
	t.Parallel()
	require.Equal(t, 20, fleet.Plan{}.WithDefaults().MaxSlots)
	require.Equal(t, 12, fleet.Plan{MaxCrawlers: 3}.WithDefaults().MaxSlots)
	require.Equal(t, 2, fleet.Plan{MaxSlots: 2}.WithDefaults().MaxSlots)
	p := fleet.Plan{}.WithDefaults()
	require.NoError(t, p.Validate())
	require.Equal(t, p, p.WithDefaults())
}
