package client_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

func key(id string) client.Key {
	return client.Key{ID: id, Secret: bytes.Repeat([]byte(id[:1]), 32)}
}

func dataConverter(t *testing.T, keys ...client.Key) converter.DataConverter {
	t.Helper()
	dc, err := client.DataConverter(keys)
	require.NoError(t, err)
	return dc
}

var secretInput = fleet.CrawlInput{Tenant: "acme", Ticket: "needle", Epoch: 7}

func TestDataConverter_WithoutKeysWritesPlainJSON(t *testing.T) {
	t.Parallel()
	p, err := dataConverter(t).ToPayload(secretInput)
	require.NoError(t, err)
	require.JSONEq(t, `{"tenant":"acme","ticket":"needle","epoch":7}`, string(p.GetData()))
}

func TestDataConverter_EncryptsAndReadsBack(t *testing.T) {
	t.Parallel()
	dc := dataConverter(t, key("k1"))
	p, err := dc.ToPayload(secretInput)
	require.NoError(t, err)
	require.NotContains(t, p.String(), "needle")
	require.Equal(t, "k1", string(p.GetMetadata()["encryption-key-id"]))
	var got fleet.CrawlInput
	require.NoError(t, dc.FromPayload(p, &got))
	require.Equal(t, secretInput, got)

	again, err := dc.ToPayload(secretInput)
	require.NoError(t, err)
	require.NotEqual(t, p.GetData(), again.GetData(), "equal payloads must not look equal")
}

func TestDataConverter_ReadsOlderKeysAndPlainPayloads(t *testing.T) {
	t.Parallel()
	old, err := dataConverter(t, key("a")).ToPayload(secretInput)
	require.NoError(t, err)
	plain, err := dataConverter(t).ToPayload(secretInput)
	require.NoError(t, err)
	both := dataConverter(t, key("b"), key("a"))
	var got fleet.CrawlInput
	require.NoError(t, both.FromPayload(old, &got))
	require.Equal(t, secretInput, got)
	require.NoError(t, both.FromPayload(plain, &got))

	fresh, err := both.ToPayload(secretInput)
	require.NoError(t, err)
	require.Equal(t, "b", string(fresh.GetMetadata()["encryption-key-id"]))
	require.ErrorContains(t, dataConverter(t, key("a")).FromPayload(fresh, &got), `no key "b"`)
}

func TestDataConverter_RefusesWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	dc := dataConverter(t, key("a"), key("b"))
	var got fleet.CrawlInput
	for name, spoil := range map[string]func(data []byte, meta map[string][]byte) []byte{
		"data":   func(d []byte, _ map[string][]byte) []byte { d[len(d)-1] ^= 1; return d },
		"nonce":  func(d []byte, _ map[string][]byte) []byte { d[0] ^= 1; return d },
		"key id": func(d []byte, m map[string][]byte) []byte { m["encryption-key-id"] = []byte("b"); return d },
		"short":  func(d []byte, _ map[string][]byte) []byte { return d[:5] },
	} {
		p, err := dc.ToPayload(secretInput)
		require.NoError(t, err)
		p.Data = spoil(p.GetData(), p.GetMetadata())
		require.ErrorContains(t, dc.FromPayload(p, &got), "decrypt payload", name)
	}
}

func TestDataConverter_RefusesAKeyOfAnotherLength(t *testing.T) {
	t.Parallel()
	_, err := client.DataConverter([]client.Key{{ID: "short", Secret: make([]byte, 16)}})
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
}
