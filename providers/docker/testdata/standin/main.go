// Command standin stands in for the crawler's program in the tests of the docker
// provider: it tells of itself to the test, and does as its environment says.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// life is when a stand-in ends that nobody stopped.
const life = 5 * time.Minute

// report is what a stand-in tells of itself.
type report struct {
	GUID, Fleet, Tenant string
	UID                 int
	Args, Env           []string
	Status              map[string]string // of /proc/self/status
	RootWrites          string            // what came of writing to the root
	Reaches             map[string]string // what came of connecting, by address
}

func main() {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	fmt.Println("standing in")
	if os.Getenv("STANDIN_ROLE") == "alone" { // where nobody listens
		wait(terminated)
	}
	if err := tell(look()); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	switch os.Getenv("STANDIN_ROLE") {
	case "failing":
		os.Exit(3)
	case "hog":
		hog()
	case "stubborn":
		terminated = nil
	}
	wait(terminated)
}

func wait(terminated chan os.Signal) {
	select {
	case <-terminated:
		fmt.Println("told to end")
		os.Exit(0)
	case <-time.After(life):
		os.Exit(4)
	}
}

func look() report {
	r := report{
		GUID: os.Getenv("CRAWLFLEET_GUID"), Fleet: os.Getenv("CRAWLFLEET_FLEET"),
		Tenant: os.Getenv("CRAWLFLEET_TENANT"), UID: os.Getuid(), Args: os.Args,
		Env: os.Environ(), Status: map[string]string{}, Reaches: map[string]string{},
	}
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		r.Status[name] = strings.TrimSpace(value)
	}
	err := os.WriteFile("/written", nil, 0o600)
	r.RootWrites = fmt.Sprint(err)
	for address := range strings.FieldsSeq(os.Getenv("STANDIN_REACH")) {
		c, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err == nil {
			c.Close()
		}
		r.Reaches[address] = fmt.Sprint(err)
	}
	return r
}

// tell waits for the answer: what it does afterwards, the test knows of.
func tell(r report) error {
	c, err := net.DialTimeout("tcp", os.Getenv("STANDIN_HOME"), 30*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := json.NewEncoder(c).Encode(r); err != nil {
		return err
	}
	_, err = bufio.NewReader(c).ReadString('\n')
	return err
}

func hog() {
	for all := []byte{}; ; {
		all = append(all, make([]byte, len(all)+1<<20)...) // writes what it copies
	}
}
