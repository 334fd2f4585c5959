package fleet

import (
	"fmt"
	"slices"
)

// Spec is what to launch.
type Spec struct {
	Key
	Offering OfferingID `json:"offering"`
	Slots    int        `json:"slots"`
	// Address asks for this egress address; empty for any.
	Address string `json:"address,omitempty"`
	// Env is the container's environment without the secrets.
	Env map[string]string `json:"env"`
	// Token is the crawler's credential at the data plane.
	Token Secret `json:"-"`
}

// Check refuses what no retry of a Launch can make right, with a *Error that names the
// field. o is the provider's offering of that id, where it is known.
func (s Spec) Check(o Offering, known bool) error {
	switch {
	case s.Fleet == "" || s.Tenant == "":
		return Invalid("fleet", "or tenant is missing", "both")
	case s.GUID.Validate() != nil:
		return s.GUID.Validate()
	case !known:
		return Invalid("offering", fmt.Sprintf("%q does not exist", s.Offering), "one of Offerings")
	case s.Address != "" && !slices.Contains(o.Addresses, s.Address):
		return Invalid("address", fmt.Sprintf("%s is not one of %s", s.Address, o.ID),
			"one of its addresses")
	default:
		return nil
	}
}
