package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The headers of Standard Webhooks.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

// sign sets the headers of one try: the id is that of the message, the same for every
// try, the timestamp that of the try.
func sign(
	h http.Header, secret fleet.Secret, id fleet.DeliveryID, at time.Time, body []byte,
) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	if err != nil || len(key) == 0 {
		return fleet.Errorf(fleet.CodeInternal, "the webhook's secret is none") // it is not shown
	}
	moment := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", id, moment, body) // a hash takes everything
	h.Set(headerID, string(id))
	h.Set(headerTimestamp, moment)
	h.Set(headerSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}
