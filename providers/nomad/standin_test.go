package nomad_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// Roles of stand-ins that only Nomad's tests need.
const (
	roleGreedy = "greedy" // takes memory until it is killed
	roleQuiet  = "quiet"  // tells nobody, and runs until SIGTERM
)

// eat takes memory and touches it.
func eat() {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for n := 0; n < len(b); n += 4096 {
			b[n] = 1
		}
		all = append(all, b)
		runtime.KeepAlive(all)
	}
}

// runs asks the process table whether the stand-in is there, and no zombie.
func runs(s providertest.Start) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID))
	return err == nil && strings.Contains(string(env), string(s.GUID))
}

const pollEvery = 10 * time.Millisecond
