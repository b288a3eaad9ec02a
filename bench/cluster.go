package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator/cluster"
)

// ClusterOptions say how to compare a cluster with one process.
type ClusterOptions struct {
	// Queries are names of NexmarkQueries; none means q0, q3, q5 and q8.
	Queries []string
	Events  int64 // 0 means 20 million
	Workers int   // of one slot each; 0 means 2
	// Program is the wadi binary; "" means this one.
	Program string
}

// Cluster runs Nexmark queries in one process and then on workers that are
// processes of their own, with the same parallelism; this process is the
// coordinator. The CPU time of a run is that of all processes, their starts
// among it.
func Cluster(ctx context.Context, o ClusterOptions, report Report) error {
	if len(o.Queries) == 0 {
		o.Queries = []string{"q0", "q3", "q5", "q8"}
	}
	if o.Events == 0 {
		o.Events = 20_000_000
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.Program == "" {
		var err error
		if o.Program, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
	}
	n, err := NexmarkOptions{Events: o.Events, Parallelism: o.Workers}.withDefaults()
	if err != nil {
		return err
	}
	queries, err := choose(NexmarkQueries, o.Queries)
	if err != nil {
		return err
	}
	for _, q := range queries {
		alone, err := n.run(ctx, q)
		if err != nil {
			return fmt.Errorf("measure %s in one process: %w", q.Name, err)
		}
		if err := report(ctx, alone); err != nil {
			return err
		}
		r, err := o.run(ctx, n, q)
		if err != nil {
			return fmt.Errorf("measure %s on %d workers: %w", q.Name, o.Workers, err)
		}
		r.Ratio = r.EventsPerCPU / alone.EventsPerCPU
		if err := report(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (o ClusterOptions) run(ctx context.Context, n NexmarkOptions, q Query) (r Result, err error) {
	r = Result{Suite: "cluster", Query: q.Name, Engine: fmt.Sprintf("%d workers", o.Workers), Events: n.Events, Parallelism: n.Parallelism}
	env, err := wadi.Local(wadi.Options{Parallelism: n.Parallelism, Config: map[string]string{
		"execution.runtime-mode": n.Mode, "jobmanager.rpc.port": "0", "cluster.evenly-spread-out-slots": "true",
	}})
	if err != nil {
		return r, err
	}
	defer func() { _ = env.Close() }()
	c, err := env.Coordinate(ctx)
	if err != nil {
		return r, err
	}
	script, remove, err := n.script(q)
	if err != nil {
		return r, err
	}
	defer remove()
	err = env.Execute(ctx, script, func(out wadi.Outcome) error {
		if out.Pipeline == nil {
			return nil
		}
		before, err := childrenCPU()
		if err != nil {
			return err
		}
		err = measure(&r, func() error {
			stop, err := o.start(ctx, c)
			if err != nil {
				return err
			}
			defer stop() // their time counts when they have ended
			return finish(ctx, out.Pipeline, &r, false)
		})
		if err != nil {
			return err
		}
		after, err := childrenCPU()
		r.CPUSeconds += after - before
		r.rate()
		return err
	})
	return r, err
}

// start starts the workers and waits until they have registered.
func (o ClusterOptions) start(ctx context.Context, c *cluster.Cluster) (stop func(), err error) {
	_, port, err := net.SplitHostPort(c.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("the port for workers: %w", err)
	}
	var all []*exec.Cmd
	stop = func() {
		for _, w := range all {
			_ = w.Process.Signal(syscall.SIGTERM)
			_ = w.Wait() // how it ends does not matter any more
		}
	}
	for i := range o.Workers {
		w := exec.CommandContext(ctx, o.Program, "worker", "-D", "jobmanager.rpc.address=127.0.0.1", "-D", "jobmanager.rpc.port="+port,
			"-D", "taskmanager.resource-id=worker-"+strconv.Itoa(i))
		w.Env = append(os.Environ(), "GOMAXPROCS=1")
		if err := w.Start(); err != nil {
			stop()
			return nil, fmt.Errorf("start a worker: %w", err)
		}
		all = append(all, w)
	}
	for len(c.Workers()) < o.Workers {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			stop()
			return nil, context.Cause(ctx)
		}
	}
	return stop, nil
}

// childrenCPU is the CPU time of the processes that this one has waited for.
func childrenCPU() (float64, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return 0, fmt.Errorf("read the time of processes: %w", err)
	}
	return seconds(u.Utime) + seconds(u.Stime), nil
}
