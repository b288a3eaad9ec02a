// Package node is a worker process: it registers with the coordinator that
// leads, runs the tasks that it is given, of many jobs, and exchanges rows with
// other workers.
//
//	coordinator ── commands ──► node ──► engine.Worker, one per job ──► tasks
//	            ◄── reports ───      ◄──                                  │
//	                                 remote.Transport ◄──── rows ─────────┘
//
// Jobs are apart: each has its own commands, in their order, and its own tasks.
// What is common is the connection, the port for data, and memory.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
	"github.com/wadi-engine/wadi/job"
)

// Options describe a worker process.
type Options struct {
	// ID names the worker (taskmanager.resource-id).
	ID string
	// Leader returns the address, for control, of the coordinator that leads.
	Leader   func(ctx context.Context) (string, error)
	Identity peer.Identity
	// Bind is the address for data; Advertise the host, or the host and port, by
	// which other workers reach it, or "" for that of Bind.
	Bind, Advertise string
	// Slots is how many tasks of each vertex the worker takes; 0 means 1.
	Slots int
	// Memory is how many bytes tasks may use; it is told, not enforced here.
	Memory  int64
	Version string
	// Open makes what the tasks of a job need. Exchange is replaced.
	Open  func(ctx context.Context, s rpc.Start) (engine.Options, error)
	Alloc memory.Allocator
	// Patience is how long the worker runs on without a coordinator
	// (taskmanager.registration.timeout); 0 means five minutes.
	Patience    time.Duration
	Budget      int64      // bytes of credit of one channel
	Compression ipc.Option // of what goes to other workers, or nil
	Clock       task.Clock
	// Host is the name of the machine in metrics; Report, if not nil, tells the
	// metrics of the worker and its tasks to somebody until stop is called.
	Host   string
	Report func(ctx context.Context, gather func() []metrics.Group) (stop func(), err error)
	Log    *slog.Logger
	// Logs is what Log writes to, for those who ask; it may be nil.
	Logs *logs.Log
}

// pauses between attempts to reach a coordinator, and how long one attempt may take.
const (
	reach      = 2 * time.Second
	firstPause = 50 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

// silence ends a conversation in which nothing comes for so long, until the
// coordinator has said how long that may be: Flink's heartbeat.timeout.
const silence = 50 * time.Second

// Run is the life of a worker process, until ctx ends. When it loses the
// coordinator its tasks run on, and it looks for the one that leads, which adopts
// them or lets them go. The error says why it cannot belong to the cluster, or
// that there was no coordinator for too long.
func Run(ctx context.Context, o Options) error {
	if o.Slots == 0 {
		o.Slots = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t, err := remote.Listen(ctx, o.Bind, remote.Options{Identity: o.Identity, Alloc: o.Alloc, Budget: o.Budget, Compression: o.Compression, Log: o.Log})
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // nothing is sent any more
	if o.Patience == 0 {
		o.Patience = 5 * time.Minute
	}
	n := &node{Options: o, transport: t, began: o.Clock.Now(), process: metrics.Process{Total: o.Memory, Now: o.Clock.Now}}
	s := newSession(n)
	defer s.close()
	if o.Report != nil {
		stop, err := o.Report(ctx, s.metrics)
		if err != nil {
			return err
		}
		defer stop()
	}
	pause, last := firstPause, o.Clock.Now()
	for ctx.Err() == nil {
		registered, err := n.serve(ctx, s)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, peer.ErrRefused) {
			return err
		}
		if registered {
			pause, last = firstPause, o.Clock.Now()
			o.Log.Warn("the coordinator is lost; tasks run on", slog.Any("error", err))
		}
		if alone := o.Clock.Now().Sub(last); alone > o.Patience {
			return fmt.Errorf("no coordinator for %v (taskmanager.registration.timeout): %w", alone.Round(time.Second), err)
		}
		o.Log.Debug("no coordinator", slog.Any("error", err), slog.Duration("next_try", pause))
		select {
		case <-o.Clock.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longPause)
	}
	return nil
}

// node is a worker process.
type node struct {
	Options
	transport *remote.Transport
	began     time.Time
	process   metrics.Process
	rates     metrics.Rates
}

// serve is one connection to the coordinator that leads. It reports whether
// the worker was registered.
func (n *node) serve(ctx context.Context, s *session) (registered bool, err error) {
	address, err := n.Leader(ctx)
	if err != nil {
		return false, err
	}
	conn, err := n.reach(ctx, address)
	if err != nil {
		return false, err
	}
	m := peer.NewMessages(conn)
	beat, end := context.WithCancel(context.WithoutCancel(ctx))
	var beats sync.WaitGroup
	defer func() {
		end()
		_ = m.Close() // it may be closed already
		beats.Wait()
		s.talk.interrupted()
	}()
	beats.Go(func() { n.part(ctx, beat, m) })
	welcome, err := s.register(m)
	if err != nil {
		return false, err
	}
	limit := silence
	if t := time.Duration(welcome.Timeout) * time.Millisecond; t > 0 {
		limit = t
	}
	n.Log.Info("registered", slog.String("coordinator", address), slog.String("id", n.ID), slog.Int("slots", n.Slots), slog.Bool("resumed", welcome.Resumed))
	interval := time.Duration(welcome.Interval) * time.Millisecond
	heard := newListening(n.Clock.Now())
	beats.Go(func() { s.heartbeats(beat, m, interval) })
	beats.Go(func() { n.doubt(beat, m, s, heard, address, interval) })
	for {
		var msg rpc.ToWorker
		if err := m.Receive(&msg, limit); err != nil {
			return true, heard.why(err)
		}
		heard.now(n.Clock.Now())
		if s.talk.hear(msg) {
			s.obey(ctx, msg)
		}
	}
}

// reach connects to a coordinator. One that was found to hang has to lead still when it
// answers: the worker would be told to let its tasks go by one that was replaced.
func (n *node) reach(ctx context.Context, address string) (net.Conn, error) {
	dial, cancel := context.WithTimeout(ctx, reach) // another may lead meanwhile
	defer cancel()
	began := n.Clock.Now()
	conn, err := peer.Dial(dial, address, peer.Control, n.Identity)
	if err != nil || n.Clock.Now().Sub(began) < reach/4 {
		return conn, err
	}
	leads, err := n.Leader(ctx)
	if err == nil && leads != address {
		err = fmt.Errorf("%w: the coordinator at %s leads meanwhile", job.ErrUnavailable, leads)
	}
	if err != nil {
		_ = conn.Close() // nothing was said
		return nil, err
	}
	return conn, nil
}

func (n *node) register() *rpc.Register {
	data := n.transport.Addr().String()
	if _, _, err := net.SplitHostPort(n.Advertise); err == nil {
		data = n.Advertise
	} else if _, port, err := net.SplitHostPort(data); err == nil && n.Advertise != "" {
		data = net.JoinHostPort(n.Advertise, port)
	}
	return &rpc.Register{ID: n.ID, Data: data, Slots: n.Slots, Memory: n.Memory, Cores: runtime.NumCPU(), PID: os.Getpid(), Version: n.Version}
}
