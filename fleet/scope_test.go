package fleet_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestScope_BadFieldsAreNamed(t *testing.T) {
	t.Parallel()
	for field, document := range map[string]string{
		"scope.hosts[0]":          `"scope":{"hosts":["a b"]}`,
		"scope.domains[1]":        `"scope":{"domains":["a.example","b.example:80"]}`,
		"scope.domains[0]":        `"scope":{"domains":[".example"]}`,
		"scope.prefixes[0]":       `"scope":{"prefixes":["/docs/"]}`,
		"scope.include[0]":        `"scope":{"include":["("]}`,
		"scope.traps":             `"scope":{"traps":"maybe"}`,
		"canonical.dropParams[0]": `"canonical":{"dropParams":["a=b"]}`,
		"canonical.dropParams[1]": `"canonical":{"dropParams":["a*","*"]}`,
		"canonical.keepTracking":  `"canonical":{"keepTracking":true}`,
	} {
		_, err := fleet.ParseTicket([]byte(`{"tenant":"demo","urls":["http://a.example/"],` + document + `}`))
		var e *fleet.Error
		require.ErrorAs(t, err, &e, field)
		require.Equal(t, field, e.Field)
	}
}
