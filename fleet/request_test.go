package fleet_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestParseRequest_NamesTheField(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"plan":    func(s string) error { _, err := fleet.ParseRequest[fleet.PlanRequest]([]byte(s)); return err },
		"suspend": func(s string) error { _, err := fleet.ParseRequest[fleet.SuspendRequest]([]byte(s)); return err },
		"resume":  func(s string) error { _, err := fleet.ParseRequest[fleet.ResumeRequest]([]byte(s)); return err },
		"delete":  func(s string) error { _, err := fleet.ParseRequest[fleet.DeleteRequest]([]byte(s)); return err },
		"key":     func(s string) error { _, err := fleet.ParseRequest[fleet.KeyRequest]([]byte(s)); return err },
		"revoke":  func(s string) error { _, err := fleet.ParseRequest[fleet.RevokeRequest]([]byte(s)); return err },
		"steer":   func(s string) error { _, err := fleet.ParseRequest[fleet.SteerRequest]([]byte(s)); return err },
	}
	for name, c := range map[string]struct {
		request, body, field string
		code                 fleet.Code
	}{
		"unknown":         {"suspend", `{"why":"x"}`, "why", fleet.CodeUnknownField},
		"unknown, nested": {"plan", `{"plan":{"crawlers":3}}`, "plan.crawlers", fleet.CodeUnknownField},
		"type":            {"suspend", `{"grace":5}`, "grace", fleet.CodeInvalid},
		"no instant":      {"key", `{"name":"ci","expiresAt":"soon"}`, "expiresAt", fleet.CodeInvalid},
		"range":           {"suspend", `{"grace":"48h"}`, "grace", fleet.CodeInvalid},
		"empty plan":      {"plan", ``, "plan", fleet.CodeInvalid},
		"plan range":      {"plan", `{"plan":{"maxCrawlers":2000}}`, "plan.maxCrawlers", fleet.CodeInvalid},
		"by":              {"delete", `{"by":7}`, "by", fleet.CodeInvalid},
		"digest":          {"key", `{"name":"ci","digest":"cfk_secret"}`, "digest", fleet.CodeInvalid},
		"name":            {"revoke", `{}`, "name", fleet.CodeInvalid},
		"two documents":   {"resume", `{} {}`, "", fleet.CodeInvalid},
		"not an object":   {"steer", `"now"`, "", fleet.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *fleet.Error
			require.True(t, errors.As(parse[c.request](c.body), &e))
			require.Equal(t, c.code, e.Code)
			require.Equal(t, c.field, e.Field)
		})
	}
	require.ErrorContains(t, parse["key"](`{"expiresAt":"soon"}`), "want an instant")
	for name, body := range map[string]string{"nothing": "", "null": " null ", "empty": "{}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, request := range []string{"suspend", "resume", "delete", "steer"} {
				require.NoError(t, parse[request](body))
			}
		})
	}
}
