package fleet

import (
	"fmt"
	"slices"
)

// CheckRobots refuses a ticket that wants robots.txt ignored, unless its tenant is among
// those that the operator allows it.
func (in TicketInput) CheckRobots(may []TenantID) error {
	if in.Fetch.Robots != RobotsIgnore || slices.Contains(may, in.Tenant) {
		return nil
	}
	return &Error{
		Code: CodeForbidden, Field: "fetch.robots",
		Message: fmt.Sprintf("tenant %s may not ignore robots.txt", in.Tenant),
		Want:    RobotsObey,
		Hint:    "the operator may allow it with --ignore-robots",
	}
}
