package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// chooseAddress finds room at the place and the address to use there: the one asked
// for, else of the free ones the one that has rested longest.
func (p *Provider) chooseAddress(s fleet.Spec) (string, error) {
	o, _ := p.offering(s.Offering)
	live, busy, err := p.occupancy(o.ID)
	if err != nil {
		return "", failure(opLaunch, fleet.ClassRetryable, err)
	}
	if o.Capacity > 0 && live >= o.Capacity {
		return "", full(o.ID, fmt.Errorf("%s is full: %d crawlers", o.ID, live))
	}
	if o.Egress == fleet.EgressShared {
		if s.Address != "" {
			return s.Address, nil
		}
		return o.Addresses[0], nil
	}
	if s.Address != "" {
		if by, taken := busy[s.Address]; taken {
			return "", failure(opLaunch, fleet.ClassConflict,
				fmt.Errorf("address %s is in use by crawler %s", s.Address, by))
		}
		return s.Address, nil
	}
	used := p.store.lastUsed(p.log)
	best := ""
	for _, a := range o.Addresses {
		if _, taken := busy[a]; taken {
			continue
		}
		if best == "" || used[a].Before(used[best]) {
			best = a
		}
	}
	if best == "" {
		return "", full(o.ID, fmt.Errorf("%s has no free address", o.ID))
	}
	return best, nil
}

// occupancy counts the live crawlers of a place, and says which addresses are in use
// by live crawlers of any.
func (p *Provider) occupancy(id fleet.OfferingID) (int, map[string]fleet.GUID, error) {
	guids, err := p.store.live()
	if err != nil {
		return 0, nil, err
	}
	count, busy := 0, make(map[string]fleet.GUID)
	for _, g := range guids {
		r, err := p.store.read(liveRoom, g)
		if err != nil {
			return 0, nil, err
		}
		if r, err = p.look(r); err != nil {
			return 0, nil, err
		}
		if r.ended() {
			continue
		}
		busy[r.Address] = g
		if r.Offering == id {
			count++
		}
	}
	return count, busy, nil
}

func full(id fleet.OfferingID, err error) *fleet.ProviderError {
	e := failure(opLaunch, fleet.ClassCapacity, err)
	e.Scope = fleet.Scoped{Offering: id}
	return e
}

func (s store) addressPath() string { return filepath.Join(s.dir, "addresses.json") }

// lastUsed says when each address was last given out. It only orders the choice, so
// that a lost or spoilt file costs nothing but that.
func (s store) lastUsed(log *zap.Logger) map[string]time.Time {
	out := make(map[string]time.Time)
	b, err := os.ReadFile(s.addressPath())
	if errors.Is(err, fs.ErrNotExist) {
		return out
	}
	if err := errors.Join(err, json.Unmarshal(b, &out)); err != nil {
		log.Warn("read the addresses' last use", zap.Error(err))
		return make(map[string]time.Time)
	}
	return out
}

// used remembers a use, for a day: after that all addresses have rested enough.
func (s store) used(address string, at time.Time, log *zap.Logger) {
	all := s.lastUsed(log)
	all[address] = at
	for a := range all { // deleting while ranging is allowed
		if at.Sub(all[a]) > keepGone {
			delete(all, a)
		}
	}
	b, err := json.Marshal(all)
	if err := errors.Join(err, writeFile(s.addressPath(), b, false)); err != nil {
		log.Warn("write the addresses' last use", zap.Error(err))
	}
}
