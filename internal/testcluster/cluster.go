//go:build unix

// Package testcluster runs clusters of real processes for tests: coordinators and
// workers that can be killed, paused, cut off from one another, robbed of their
// disk, and started again.
package testcluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wadi-engine/wadi/coordinator/leader"
	"github.com/wadi-engine/wadi/coordinator/rest/client"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/await"
)

// Options describe a cluster.
type Options struct {
	// Program is the binary, and Env what it needs of the environment.
	Program string
	Env     []string
	// Dir is where logs and local directories of the processes are.
	Dir string
	// Config is that of every process; Coordinators and Workers is that of some.
	Config, Coordinators, Workers map[string]string
	// Store is what all coordinators lead by.
	Store checkpoint.Store
	// Proxies puts one before every port for workers and every port for data.
	Proxies bool
	// Disk, if not "", is the size of the disk for local files of each worker.
	Disk string
}

// Cluster is coordinators and workers. They end with the test.
type Cluster struct {
	t testing.TB
	o Options
	// Coordinators and Workers are its processes, in the order in which they were
	// added.
	Coordinators, Workers []*Member
}

// Member is a process of the cluster.
type Member struct {
	*Process
	// Gate is the proxy through which others reach it, or nil.
	Gate *Proxy
	// Local is the directory of its local files, and Small that it is a disk of its own.
	Local string
	Small bool
}

// New returns a cluster without processes.
func New(t testing.TB, o Options) *Cluster {
	t.Helper()
	return &Cluster{t: t, o: o}
}

// AddCoordinator starts one more coordinator.
func (c *Cluster) AddCoordinator() *Member {
	c.t.Helper()
	own := map[string]string{"rest.port": "0", "jobmanager.rpc.port": "0"}
	m := &Member{}
	if c.o.Proxies {
		port := Port(c.t)
		m.Gate = NewProxy(c.t, "127.0.0.1:"+port)
		own["jobmanager.rpc.bind-port"], own["jobmanager.rpc.port"] = port, m.Gate.Port()
	}
	c.start(m, fmt.Sprint("coordinator-", len(c.Coordinators)+1), "coordinator", own, c.o.Coordinators)
	c.Coordinators = append(c.Coordinators, m)
	return m
}

// AddWorker starts one more worker.
func (c *Cluster) AddWorker() *Member {
	c.t.Helper()
	name := fmt.Sprint("worker-", len(c.Workers)+1)
	m := &Member{Local: filepath.Join(c.o.Dir, name)}
	if err := os.MkdirAll(m.Local, 0o700); err != nil {
		c.t.Fatal(err)
	}
	own := map[string]string{"taskmanager.resource-id": name, "io.tmp.dirs": m.Local}
	if c.o.Proxies {
		port := Port(c.t)
		m.Gate = NewProxy(c.t, "127.0.0.1:"+port)
		own["taskmanager.data.bind-port"], own["taskmanager.data.port"] = port, m.Gate.Port()
	}
	c.start(m, name, "worker", own, c.o.Workers)
	c.Workers = append(c.Workers, m)
	return m
}

func (c *Cluster) start(m *Member, name, verb string, configs ...map[string]string) {
	c.t.Helper()
	p := &Process{Name: name, Log: filepath.Join(c.o.Dir, name+".log"), t: c.t, program: c.o.Program, env: c.o.Env, args: []string{verb, "-v"}}
	for _, config := range append(configs, c.o.Config) {
		for k, v := range config {
			p.args = append(p.args, "-D", k+"="+v)
		}
	}
	if verb == "worker" && c.o.Disk != "" {
		p.wrap = small(c.t, m.Local, c.o.Disk)
		m.Small = p.wrap != nil
	}
	m.Process = p
	p.Start()
	c.t.Cleanup(func() {
		p.Resume()
		p.Kill()
	})
}

// Leader is the coordinator that leads, by the newest record in storage; nil while
// it does not run.
func (c *Cluster) Leader() *Member {
	r, err := leader.Current(c.t.Context(), c.o.Store)
	if err != nil || r.Term == 0 {
		return nil
	}
	at := slices.IndexFunc(c.Coordinators, func(m *Member) bool { return m.REST() == r.REST })
	if at < 0 {
		return nil
	}
	return c.Coordinators[at]
}

// AwaitLeader waits until a coordinator leads and serves, other than one that is no
// more.
func (c *Cluster) AwaitLeader(not *Member) (m *Member) {
	c.t.Helper()
	await.That(c.t, "a coordinator leads", func() bool {
		m = c.Leader()
		return m != nil && m != not && m.Get(c.t.Context(), "/jobs", nil) == nil
	})
	return m
}

// Get asks a coordinator and reads the reply into v.
func (m *Member) Get(ctx context.Context, path string, v any) error {
	return m.Client().Do(ctx, "GET", path, nil, v)
}

// Client speaks to a coordinator.
func (m *Member) Client() *client.Client {
	return &client.Client{Address: m.REST(), Clock: engine.WallClock{}}
}

// Logs are the ends of the logs of all processes.
func (c *Cluster) Logs() (text string) {
	for _, m := range slices.Concat(c.Coordinators, c.Workers) {
		text += m.Tail() + "\n"
	}
	return text
}

// ports are below those that systems give to whoever connects, so that a process
// finds its own again when it is started once more.
var ports atomic.Int64

// Port is a free port that stays free, unless another program asks for just it.
func Port(t testing.TB) string {
	t.Helper()
	const first, count = 12000, 8000
	ports.CompareAndSwap(0, int64(os.Getpid()))
	for range count {
		port := fmt.Sprint(first + ports.Add(1)%count)
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close() // it was free
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
