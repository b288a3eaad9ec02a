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
	"time"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/exchange/remote"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/task"
)

// Options describe a worker process.
type Options struct {
	// ID names the worker (taskmanager.resource-id).
	ID string
	// Leader returns the address, for control, of the coordinator that leads.
	Leader   func(ctx context.Context) (string, error)
	Identity peer.Identity
	// Bind is the address for data; Advertise the host by which other workers
	// reach it, or "" for that of Bind.
	Bind, Advertise string
	// Slots is how many tasks of each vertex the worker takes; 0 means 1.
	Slots int
	// Memory is how many bytes tasks may use; it is told, not enforced here.
	Memory  int64
	Version string
	// Open makes what the tasks of a job need. Exchange is replaced.
	Open        func(ctx context.Context, s rpc.Start) (engine.Options, error)
	Alloc       memory.Allocator
	Budget      int64      // bytes of credit of one channel
	Compression ipc.Option // of what goes to other workers, or nil
	Clock       task.Clock
	Log         *slog.Logger
}

// pauses between attempts to reach a coordinator.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 2 * time.Second
)

// Run is the life of a worker process, until ctx ends. When it loses the
// coordinator it cancels its tasks and looks for the one that leads. The error
// says why it cannot belong to the cluster.
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
	n := &node{Options: o, transport: t}
	pause := firstPause
	for ctx.Err() == nil {
		began := o.Clock.Now()
		err := n.serve(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, peer.ErrRefused) {
			return err
		}
		if o.Clock.Now().Sub(began) > longPause {
			pause = firstPause
		}
		o.Log.Warn("no coordinator", slog.Any("error", err), slog.Duration("next_try", pause))
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
}

// serve is one conversation with the coordinator that leads.
func (n *node) serve(ctx context.Context) error {
	address, err := n.Leader(ctx)
	if err != nil {
		return err
	}
	conn, err := peer.Dial(ctx, address, peer.Control, n.Identity)
	if err != nil {
		return err
	}
	m := peer.NewMessages(conn)
	stop := context.AfterFunc(ctx, func() { _ = m.Close() }) // what waits for a message ends
	defer func() {
		stop()
		_ = m.Close() // it may be closed already
	}()
	if err := m.Send(rpc.ToCoordinator{Register: n.register()}); err != nil {
		return err
	}
	var first rpc.ToWorker
	if err := m.Receive(&first, n.patience(first.Welcome)); err != nil {
		return err
	}
	if first.Welcome == nil {
		return fmt.Errorf("%w: the coordinator's first word is no welcome", peer.ErrRefused)
	}
	n.Log.Info("registered", slog.String("coordinator", address), slog.String("id", n.ID), slog.Int("slots", n.Slots))
	s := newSession(n, m)
	defer s.close()
	beat, end := context.WithCancel(ctx)
	defer end()
	go s.heartbeats(beat, time.Duration(first.Welcome.Interval)*time.Millisecond)
	for {
		var msg rpc.ToWorker
		if err := m.Receive(&msg, n.patience(first.Welcome)); err != nil {
			return err
		}
		s.obey(ctx, msg)
	}
}

func (n *node) patience(w *rpc.Welcome) time.Duration {
	if w == nil || w.Timeout <= 0 {
		return 50 * time.Second // Flink's heartbeat.timeout
	}
	return time.Duration(w.Timeout) * time.Millisecond
}

func (n *node) register() *rpc.Register {
	data := n.transport.Addr().String()
	if n.Advertise != "" {
		if _, port, err := net.SplitHostPort(data); err == nil {
			data = net.JoinHostPort(n.Advertise, port)
		}
	}
	return &rpc.Register{ID: n.ID, Data: data, Slots: n.Slots, Memory: n.Memory, Cores: runtime.NumCPU(), PID: os.Getpid(), Version: n.Version}
}
