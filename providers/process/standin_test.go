package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// roleControl is no crawler, but a control worker: it launches one and waits.
const roleControl = "control"

func TestMain(m *testing.M) {
	switch role := os.Getenv(providertest.EnvRole); role {
	case "":
		os.Exit(m.Run())
	case roleControl:
		os.Exit(control())
	default:
		os.Exit(providertest.StandIn(role, nil))
	}
}

// control launches the crawler that its environment describes, says so, and waits to be
// killed.
func control() int {
	var s fleet.Spec
	err := json.Unmarshal([]byte(os.Getenv("CONTROL_SPEC")), &s)
	if err == nil {
		var p *process.Provider
		if p, err = open(os.Getenv("CONTROL_DIR"), os.Getenv(providertest.EnvStarts)); err == nil {
			_, err = p.Launch(context.Background(), s)
		}
	}
	if err != nil {
		fmt.Println(err)
		return 2
	}
	fmt.Println("launched")
	time.Sleep(providertest.StandInLife) // until it is killed
	return 4
}
