package nomadagent

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// plenty is what the scheduler may give out where nothing else is said, MHz and MB: the
// tests launch by the hundred, and what they launch waits.
const plenty = 1_000_000

// configuration is the agent's, as JSON.
func (a *Agent) configuration() []byte {
	o := a.options
	c := map[string]any{
		"data_dir": a.path("data"), "bind_addr": o.Bind, "name": o.Name, "disable_update_check": true, "log_level": "INFO",
		"ports":     map[string]int{"http": a.http, "rpc": a.rpc, "serf": a.serf},
		"advertise": map[string]string{"http": o.Bind, "rpc": o.Bind, "serf": o.Bind},
		// All requests of the tests come from one address.
		"limits": map[string]any{"http_max_conns_per_client": 0, "rpc_max_conns_per_client": 0},
		"consul": map[string]any{"auto_advertise": false, "client_auto_join": false, "server_auto_join": false},
	}
	if o.ACL {
		c["acl"] = map[string]any{"enabled": true}
	}
	if o.Server {
		heartbeat := cmp.Or(o.Heartbeat, 10*time.Second)
		c["server"] = map[string]any{
			"enabled": true, "bootstrap_expect": 1,
			"heartbeat_grace": heartbeat.String(), "min_heartbeat_ttl": "1s",
		}
	}
	if o.Client != nil {
		c["client"], c["plugin"] = o.client(), plugins()
		c["datacenter"] = cmp.Or(o.Client.Datacenter, "dc1")
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return b
}

func (o Options) client() map[string]any {
	c := o.Client
	drivers := c.Drivers
	if len(drivers) == 0 {
		drivers = []string{"raw_exec"}
	}
	client := map[string]any{
		"enabled":           true,
		"cpu_total_compute": cmp.Or(c.CPU, plenty), "memory_total_mb": cmp.Or(c.Memory, plenty),
		// The directories of ended crawlers are kept for their logs.
		"gc_max_allocs": 500, "gc_disk_usage_threshold": 99, "gc_inode_usage_threshold": 99,
		"options": map[string]string{
			"driver.allowlist": strings.Join(drivers, ","),
			// They wait for metadata services that are not there.
			"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean",
		},
	}
	if len(c.Meta) > 0 { // null is refused
		client["meta"] = c.Meta
	}
	if c.Pool != "" {
		client["node_pool"] = c.Pool
	}
	if len(c.Servers) > 0 {
		client["servers"] = slices.Clone(c.Servers)
	}
	return client
}

// plugins are blocks in lists of one: JSON has no other way to say that they are blocks.
func plugins() []any {
	block := func(name string, value any) []any { return []any{map[string]any{name: value}} }
	return []any{
		map[string]any{"raw_exec": block("config", block("enabled", true))},
		// An image of our own cannot be fetched again.
		map[string]any{"docker": block("config", block("gc", block("image", false)))},
	}
}

// get reads from the agent's API.
func (a *Agent) get(ctx context.Context, path string, to any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Address()+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(to)
}
