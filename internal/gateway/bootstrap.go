package gateway

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// maxBootstrap holds a nonce with room to spare.
	maxBootstrap = 4 << 10
	// leastNonce keeps a nonce from being guessed.
	leastNonce, mostNonce = 16, 256
)

// bootstrap exchanges a bootstrap token and the crawler's nonce for a credential. Whether
// another has been there before, the rows know.
func (g *Gateway) bootstrap(w http.ResponseWriter, r *http.Request) {
	if !g.knocks.allow(peerOf(r), time.Now()) {
		g.turnAway(w, r, nil, RefusedRate, fleet.Errorf(fleet.CodeBusy, "too many bootstraps a second"))
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	ref, err := g.o.Maker.Bootstrapped(fleet.Secret(token))
	if err != nil {
		g.turnAway(w, r, nil, RefusedBootstrap, err)
		return
	}
	guest := g.guests.of(ref, time.Time{})
	var ask fleet.BootstrapRequest
	err = json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBootstrap)).Decode(&ask)
	if err != nil || len(ask.Nonce) < leastNonce || len(ask.Nonce) > mostNonce {
		g.turnAway(w, r, guest, RefusedBootstrap,
			fleet.Invalid("nonce", "is not there", "16 to 256 random characters"))
		return
	}
	a, err := g.plane.admit(r.Context(), ref, ask.Nonce, addressOf(r))
	if err != nil {
		g.notAdmitted(w, r, guest, RefusedBootstrap, err)
		return
	}
	guest.looked.Store(time.Now().UnixNano()) // the rows have just been asked
	g.o.Count.Passed(fleet.PathBootstrap)
	g.credential(w, r, ref, a)
}

// renew exchanges a credential for a younger one, while the crawler has not been retired.
func (g *Gateway) renew(w http.ResponseWriter, r *http.Request, from *guest) {
	a, err := g.plane.admit(r.Context(), from.CrawlerRef, "", addressOf(r))
	if err == nil && (a.State == fleet.CrawlerRetired || a.State == fleet.CrawlerGone) {
		err = fleet.Errorf(fleet.CodeForbidden, "the crawler is "+string(a.State))
	}
	if err != nil {
		g.notAdmitted(w, r, from, RefusedGone, err)
		return
	}
	g.o.Count.Passed(fleet.PathRenew)
	g.credential(w, r, from.CrawlerRef, a)
}

// notAdmitted passes on the rows' refusal, and tells it from a data plane that is away.
func (g *Gateway) notAdmitted(w http.ResponseWriter, r *http.Request, from *guest, kind string, err error) {
	if fleet.CodeOf(err) == fleet.CodeForbidden {
		g.turnAway(w, r, from, kind, err)
		return
	}
	g.o.Log.Debug("cannot ask whether a crawler may come in", zap.Error(err))
	answerError(w, r, err)
}

func (g *Gateway) credential(w http.ResponseWriter, r *http.Request, ref fleet.CrawlerRef, a fleet.Admission) {
	lasts := g.o.Lasts.Truncate(time.Second)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	err := json.NewEncoder(w).Encode(fleet.Credential{
		Bearer: g.o.Maker.Short(ref, time.Now().Add(lasts)).Reveal(),
		Lasts:  fleet.Duration(lasts), Echo: a.Echo,
	})
	if err != nil { // the crawler asks again, with the same nonce
		g.o.Log.Debug("a credential was not taken", zap.String("from", peerOf(r)), zap.Error(err))
	}
}
