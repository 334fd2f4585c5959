package process

import (
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// envTemporal is the variable that binds a crawler to a Temporal server: the SDK's.
const envTemporal = "TEMPORAL_ADDRESS"

// reasonLeft is the end of a crawler that a restored fleet does not have.
const reasonLeft = "its process stayed with the fleet that was restored from a backup"

// Left writes down, in the run directory of a fleet that is being restored, that
// crawlers have ended: their processes are those of another fleet. So Describe and Watch
// tell of it at once, and a repeated Launch does not start them again.
func Left(dir string, crawlers []fleet.Instance, at time.Time) error {
	s, err := openStore(dir)
	if err != nil {
		return err
	}
	for _, i := range crawlers {
		if err := i.GUID.Validate(); err != nil {
			return fmt.Errorf("record of a crawler: %w", err)
		}
		r := record{
			Key: i.Key, Offering: i.Offering, Address: i.Address, CreatedAt: i.CreatedAt.UTC(),
			EndedAt: at.UTC(), Reason: reasonLeft,
		}
		if err := s.write(liveRoom, r); err != nil {
			return err
		}
	}
	return nil
}

// Strangers gives the process ids of crawlers that belong to another fleet than this one
// and are bound to the Temporal server at an address. A restored fleet must not serve
// there: such a crawler would go on with work that is now done elsewhere. Where the
// system cannot tell, there are none.
func Strangers(id fleet.FleetID, address string) ([]int, error) { return strangers(id, address) }
