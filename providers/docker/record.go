package docker

import (
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The labels of a container, and of the network (labelFleet and labelNetwork).
const (
	labelFleet    = "crawlfleet.fleet"
	labelTenant   = "crawlfleet.tenant"
	labelGUID     = "crawlfleet.guid"
	labelOffering = "crawlfleet.offering"
	labelAddress  = "crawlfleet.address"
	labelNetwork  = "crawlfleet.network"
)

// name is that of a crawler's container, goneName that of one that was stopped.
func name(g fleet.GUID) string     { return "crawl-" + string(g) }
func goneName(g fleet.GUID) string { return name(g) + ".gone" }

// record is what the engine says of one container.
type record struct {
	fleet.Instance
	state container.ContainerState
	gone  bool // it was stopped, and is kept only so that it is not run again
}

// ended reports whether its program ran and runs no more.
func (r record) ended() bool { return r.Phase == fleet.PhaseExited }

func labelled(labels map[string]string) fleet.Instance {
	return fleet.Instance{
		Key: fleet.Key{
			Fleet:  fleet.FleetID(labels[labelFleet]),
			Tenant: fleet.TenantID(labels[labelTenant]),
			GUID:   fleet.GUID(labels[labelGUID]),
		},
		Offering: fleet.OfferingID(labels[labelOffering]), Address: labels[labelAddress],
	}
}

func isGone(name string, g fleet.GUID) bool { return strings.TrimPrefix(name, "/") == goneName(g) }

// summarised reads a container of a list, which says everything but how it ended.
func (p *Provider) summarised(s container.Summary) record {
	r := record{Instance: labelled(s.Labels), state: s.State}
	for _, n := range s.Names {
		r.gone = r.gone || isGone(n, r.GUID)
	}
	r.ProviderID, r.CreatedAt = s.ID, time.Unix(s.Created, 0).UTC()
	r.Phase, r.Reason = p.phase(s.ID, s.State)
	return r
}

// inspected reads a container with its end.
func (p *Provider) inspected(c container.InspectResponse) (record, error) {
	if c.Config == nil || c.State == nil {
		return record{}, fmt.Errorf("container %s: the engine did not say its state", c.ID)
	}
	created, err := time.Parse(time.RFC3339Nano, c.Created)
	if err != nil {
		return record{}, fmt.Errorf("container %s: %w", c.ID, err)
	}
	r := record{Instance: labelled(c.Config.Labels), state: c.State.Status}
	r.gone = isGone(c.Name, r.GUID)
	// To the second, as lists have it.
	r.ProviderID, r.CreatedAt = c.ID, created.UTC().Truncate(time.Second)
	r.Phase, r.Reason = p.phase(c.ID, c.State.Status)
	if r.ended() {
		if r.EndedAt, err = time.Parse(time.RFC3339Nano, c.State.FinishedAt); err != nil {
			return record{}, fmt.Errorf("container %s: %w", c.ID, err)
		}
		r.ExitCode, r.Reason = describeExit(c)
	}
	return r, nil
}

func (p *Provider) phase(id string, s container.ContainerState) (fleet.Phase, string) {
	switch s {
	case container.StateCreated:
		return fleet.PhasePending, ""
	case container.StateExited, container.StateDead:
		return fleet.PhaseExited, ""
	case container.StateRemoving:
		return fleet.PhaseStopping, ""
	case container.StatePaused: // it has its memory and its address, and does nothing
		return p.runningPhase(id), "paused"
	default:
		return p.runningPhase(id), ""
	}
}

// signalled is what a shell and the engine add to a signal's number.
const signalled = 128

// describeExit puts an end into words and a code.
func describeExit(c container.InspectResponse) (code *int, reason string) {
	n := c.State.ExitCode
	switch {
	case c.State.OOMKilled:
		limit := "the machine's"
		if c.HostConfig != nil && c.HostConfig.Memory > 0 {
			limit = fmt.Sprintf("its limit of %d MB", c.HostConfig.Memory>>20)
		}
		return &n, fmt.Sprintf("out of memory: more than %s, exit code %d", limit, n)
	case c.State.Error != "":
		return &n, fmt.Sprintf("%s, exit code %d", c.State.Error, n)
	case n > signalled && n < signalled+65:
		return &n, fmt.Sprintf("killed by signal %d", n-signalled)
	default:
		return &n, fmt.Sprintf("exit code %d", n)
	}
}
