package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

// tuned is the dynamic configuration with which the bare server was fastest before this
// project existed, with SQLite in memory; what it does not name is Temporal's default.
func tuned() []string {
	const quick, unlimited = "=5000", "=100000"
	var out []string
	for _, queue := range []string{"transfer", "timer", "visibility", "outbound"} {
		out = append(out, "history."+queue+"ProcessorMaxPollRPS"+quick)
	}
	for _, key := range []string{
		"history.maxTotalUpdates", "frontend.namespaceRPS", "frontend.persistenceMaxQPS",
		"history.persistenceMaxQPS", "matching.persistenceMaxQPS", "history.rps", "matching.rps",
		"frontend.rps",
	} {
		out = append(out, key+unlimited)
	}
	return append(out, "matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1",
		"history.maxInFlightUpdates=1000", "frontend.namespaceRPS.visibility=100",
		"frontend.namespaceCount=20000", "frontend.enableServerVersionCheck=false")
}

// untuned takes back what our server sets beyond tuned.
func untuned() []string {
	return []string{
		"matching.enableFairness=false", "frontend.enableCancelWorkerPollsOnShutdown=false",
		"frontend.WorkerCommandsEnabled=false", "system.enableCancelActivityWorkerCommand=false",
	}
}

// rival is a Temporal server with the bare side's workers, and nothing of a fleet.
type rival struct {
	name    string
	server  *child
	control *child
	nothing *child
	temp    *client.Client
}

// rivalPlan says how a rival's server is started in a directory.
type rivalPlan struct {
	name    string
	dir     string
	env     []string
	command func(dir string, port int) []string
}

// postgresServer is our server's program with Temporal's PostgreSQL driver, and
// envPostgres what it reads the URLs of its two databases from: internal/devserver/server,
// build tag postgres.
const postgresServer, envPostgres = "crawlfleet-server-postgres", "CRAWLFLEET_SERVER_POSTGRES"

// postgres is our server on a PostgreSQL that is started for it. Like the files of ours it
// survives a crash of its process, and flushes nothing for a crash of the machine.
func (r *rig) postgres(ctx context.Context) (rivalPlan, error) {
	if _, err := os.Stat(r.program(postgresServer)); err != nil {
		return rivalPlan{}, fmt.Errorf("no server with PostgreSQL's driver (make server-postgres): %w", err)
	}
	var err error
	if r.database, err = pgtest.Start(ctx); err != nil {
		return rivalPlan{}, err
	}
	var urls [2]string
	for i := range urls {
		url, err := r.database.Database(ctx)
		if err != nil {
			return rivalPlan{}, err
		}
		urls[i] = url.Reveal()
	}
	return rivalPlan{
		name: "ours on PostgreSQL", env: []string{envPostgres + "=" + strings.Join(urls[:], " ")},
		command: func(dir string, port int) []string {
			return r.serverCommand(postgresServer, dir, port)
		},
	}, nil
}

// serverCommand starts a server of ours, without a Web UI.
func (r *rig) serverCommand(program, dir string, port int) []string {
	return []string{
		r.program(program), "--data-dir", dir, "--ip", "127.0.0.1",
		"--port", strconv.Itoa(port), "--ui-port", "-1", "--log-level", "error",
	}
}

// rivals are the servers beside ours. The best row kept its databases in memory: here they
// are files of a file system in memory, where there is one.
func (r *rig) rivals() []rivalPlan {
	values := func(command, all []string) []string {
		for _, v := range all {
			command = append(command, "--dynamic-config-value", v)
		}
		return command
	}
	embedded := func(dir string, port int) []string {
		return r.serverCommand(string(devserver.ServerProgram), dir, port)
	}
	stock := func(_ string, port int) []string {
		return []string{
			r.program("temporal"), "server", "start-dev", "--headless", "--log-level", "error",
			"--port", strconv.Itoa(port),
		}
	}
	return []rivalPlan{
		{name: "ours", command: embedded},
		{name: "best row of the baselines", dir: "/dev/shm", command: func(dir string, port int) []string {
			return values(embedded(dir, port), append(tuned(), untuned()...))
		}},
		{name: "temporal server start-dev", command: stock},
		{name: "start-dev with that row's values", command: func(dir string, port int) []string {
			return values(stock(dir, port), tuned())
		}},
	}
}

// servers runs the bare workflow that does nothing on each server, in turns.
func (r *rig) servers(ctx context.Context, o options, calibrate func()) (rows []warmRow, err error) {
	onPostgres, err := r.postgres(ctx)
	if err != nil {
		return nil, err
	}
	var sides []side
	for i, plan := range append(r.rivals(), onPostgres) {
		one, err := r.startRival(ctx, i, plan)
		defer one.stop()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", plan.name, err)
		}
		sides = append(sides, side{
			name: plan.name,
			pids: map[string]int{"server": one.server.cmd.Process.Pid},
			do: func(ctx context.Context) (string, error) {
				return runOn(ctx, one.temp.Temporal(),
					bareInput{Queue: nothingQueue, Activity: nothingActivity}, done)
			},
		})
	}
	return r.compare(ctx, sides, comparison{
		rounds: o.rounds, inFlight: []int{1, 16}, count: o.count, reference: 1, calibrate: calibrate,
	})
}

func (r *rig) startRival(ctx context.Context, i int, plan rivalPlan) (v *rival, err error) {
	v = &rival{name: plan.name}
	ports, err := devserver.FreePorts("127.0.0.1", 1)
	if err != nil {
		return v, err
	}
	parent := r.dir
	if plan.dir != "" {
		if _, err := os.Stat(plan.dir); err == nil {
			parent = plan.dir
		}
	}
	dir, err := os.MkdirTemp(parent, "crawlfleet-bench-")
	if err != nil {
		return v, err
	}
	r.dirs = append(r.dirs, dir)
	name := "rival-" + strconv.Itoa(i)
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}, plan.env...)
	if v.server, err = r.start(name, env, nil, plan.command(dir, ports[0])...); err != nil {
		return v, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	err = until(ctx, plan.name, func() (bool, error) {
		c, err := client.Dial(ctx, client.Options{Address: address, Namespace: "default"})
		if err == nil {
			v.temp = c
		}
		return err == nil, err
	})
	if err != nil {
		return v, err
	}
	self, err := os.Executable()
	if err != nil {
		return v, err
	}
	env = append(env, "TEMPORAL_ADDRESS="+address, "TEMPORAL_NAMESPACE=default",
		envDir+"="+filepath.Join(dir, "tenants"), envSecret+"="+r.secret.Reveal(), envURL+"="+r.page)
	var ready bareReady
	if v.control, err = r.start(name+"-bare", env, &ready, self, bareCommand); err != nil {
		return v, err
	}
	if v.nothing, err = r.start(name+"-nothing", env, &ready, self, nothingCommand); err != nil {
		return v, err
	}
	// The namespace of a development server may be there a moment after its first answer.
	return v, until(ctx, "a first workflow of "+plan.name, func() (bool, error) {
		_, err := runOn(ctx, v.temp.Temporal(),
			bareInput{Queue: nothingQueue, Activity: nothingActivity}, done)
		return err == nil, err
	})
}

func (v *rival) stop() {
	if v.temp != nil {
		v.temp.Close()
	}
	_ = errors.Join(v.nothing.stop(), v.control.stop(), v.server.stop()) // they have done their work
}
