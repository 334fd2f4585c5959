package webhook

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The vector is that of the reference libraries of Standard Webhooks.
func TestSign_IsStandardWebhooks(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	require.NoError(t, sign(h, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Get("webhook-signature"))
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", h.Get("webhook-id"))
	require.Equal(t, "1614265330", h.Get("webhook-timestamp"))
}

func TestSign_ASecretThatIsNoneIsNotShown(t *testing.T) {
	t.Parallel()
	err := sign(http.Header{}, "whsec_!hunter2", "msg_1", time.Now(), nil)
	require.Equal(t, fleet.CodeInternal, fleet.CodeOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}

func TestWebhookSecret_IsATenantsOwn(t *testing.T) {
	t.Parallel()
	one, two := fleet.WebhookSecret("fleet secret", "acme"), fleet.WebhookSecret("fleet secret", "beta")
	require.NotEqual(t, one.Reveal(), two.Reveal())
	require.Equal(t, one.Reveal(), fleet.WebhookSecret("fleet secret", "acme").Reveal())
	require.NoError(t, sign(http.Header{}, one, "msg_1", time.Now(), nil))
}
