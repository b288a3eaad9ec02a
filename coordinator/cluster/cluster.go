package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// Options are the rules of a cluster.
type Options struct {
	Identity peer.Identity
	Clock    coordinator.Clock
	Log      *slog.Logger
	// Interval is the time between heartbeats (heartbeat.interval) and Timeout
	// that after which a worker counts as lost (heartbeat.timeout); 0 means
	// Flink's 10 s and 50 s.
	Interval, Timeout time.Duration
	// SlotTimeout is how long a job waits for free slots (slot.request.timeout);
	// 0 means five minutes.
	SlotTimeout time.Duration
	Strategy    Strategy
	// Knows reports whether a job is one of this coordinator, or will be: one that
	// workers hold, and that it does not know, is over. nil knows none.
	Knows func(job.ID) bool
	// AdoptTimeout is how long a coordinator waits for workers that hold tasks;
	// 0 means three seconds.
	AdoptTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Interval == 0 {
		o.Interval = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 50 * time.Second
	}
	if o.SlotTimeout == 0 {
		o.SlotTimeout = 5 * time.Minute
	}
	if o.AdoptTimeout == 0 {
		o.AdoptTimeout = 3 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Cluster is the workers of one coordinator.
type Cluster struct {
	o        Options
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the life of all connections
	stop     context.CancelFunc
	loops    sync.WaitGroup

	mu      sync.Mutex
	leads   bool
	term    uint64
	workers []*worker // in the order in which they have registered
	waiting []*Tasks  // jobs that need slots, the first first
	offers  []*offer  // tasks that run on, and wait for their job
	// settled are the jobs whose tasks were adopted, or started anew: others that
	// a worker still holds are not wanted.
	settled map[job.ID]bool
	changed chan struct{} // closed, and replaced, when a worker comes or goes
}

// Listen returns a Cluster whose workers register on an address.
func Listen(ctx context.Context, address string, o Options) (*Cluster, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: listen for workers (jobmanager.rpc.port): %w", job.ErrInvalid, err)
	}
	c := &Cluster{o: o.withDefaults(), listener: l, settled: make(map[job.ID]bool), changed: make(chan struct{})}
	c.ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.loops.Go(c.accept)
	return c, nil
}

// Lead begins to take workers: this process leads in a term, which is 0 when it
// has no rivals. Before, they are sent away.
func (c *Cluster) Lead(term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leads, c.term = true, term
}

func (c *Cluster) leading() (bool, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leads, c.term
}

// Addr is where workers register.
func (c *Cluster) Addr() net.Addr { return c.listener.Addr() }

// Close lets the workers go. Jobs must have ended.
func (c *Cluster) Close() error {
	c.stop()
	err := c.listener.Close()
	c.mu.Lock()
	for _, w := range c.workers {
		_ = w.messages.Close() // its loop ends
	}
	c.mu.Unlock()
	c.loops.Wait()
	if err != nil {
		return fmt.Errorf("close the port for workers: %w", err)
	}
	return nil
}

func (c *Cluster) accept() {
	for {
		raw, err := c.listener.Accept()
		if err != nil {
			return // closed
		}
		c.loops.Go(func() {
			if err := c.welcome(raw); err != nil && c.ctx.Err() == nil {
				c.o.Log.Warn("worker", slog.String("peer", raw.RemoteAddr().String()), slog.Any("error", err))
			}
		})
	}
}

// welcome is the life of the connection of one worker.
func (c *Cluster) welcome(raw net.Conn) error {
	stop := context.AfterFunc(c.ctx, func() { _ = raw.Close() }) // what waits for a word ends
	defer stop()
	conn, purpose, err := peer.Accept(c.ctx, raw, c.o.Identity)
	if err != nil {
		return err
	}
	w := &worker{c: c, messages: peer.NewMessages(conn), wake: make(chan struct{}, 1), since: c.o.Clock.Now()}
	w.beat = w.since
	defer func() { _ = w.messages.Close() }() // it may be closed already
	if purpose != peer.Control {
		return fmt.Errorf("%w: this is the port for workers", peer.ErrRefused)
	}
	var first rpc.ToCoordinator
	if err := w.messages.Receive(&first, c.o.Timeout); err != nil {
		return err
	}
	if first.Watch != nil {
		return c.watched(w.messages)
	}
	if first.Register == nil || first.Register.Slots < 1 || first.Register.ID == "" {
		return fmt.Errorf("%w: the first word of a worker is its registration", peer.ErrRefused)
	}
	if leads, _ := c.leading(); !leads {
		return nil // it looks for the leader again
	}
	w.info = *first.Register
	w.info.Data = dataAddress(w.info.Data, raw.RemoteAddr())
	var writer sync.WaitGroup
	writer.Go(w.write)
	defer writer.Wait()
	w.send(rpc.ToWorker{Welcome: &rpc.Welcome{Interval: c.o.Interval.Milliseconds(), Timeout: c.o.Timeout.Milliseconds()}})
	c.join(w)
	err = w.read()
	c.leave(w, err)
	return err
}

// watched answers a coordinator that stands by.
func (c *Cluster) watched(m *peer.Messages) error {
	for {
		_, term := c.leading()
		if err := m.Send(rpc.ToWorker{Leads: term}); err != nil {
			return nil //nolint:nilerr // a standby may go as it likes
		}
		var again rpc.ToCoordinator
		if err := m.Receive(&again, c.o.Timeout); err != nil {
			return nil //nolint:nilerr // a standby may go as it likes
		}
	}
}

// dataAddress is where others reach a worker: when it receives on any address,
// the one from which it has come.
func dataAddress(address string, from net.Addr) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		return address
	}
	if peer, _, err := net.SplitHostPort(from.String()); err == nil {
		return net.JoinHostPort(peer, port)
	}
	return address
}

// join adds a worker; one of the same id that was there is replaced.
func (c *Cluster) join(w *worker) {
	c.mu.Lock()
	for _, old := range c.workers {
		if old.info.ID == w.info.ID {
			_ = old.messages.Close() // its loop ends, and its jobs learn of it
		}
	}
	c.workers = slices.DeleteFunc(c.workers, func(o *worker) bool { return o.info.ID == w.info.ID })
	c.offers = slices.DeleteFunc(c.offers, func(o *offer) bool { return o.worker.info.ID == w.info.ID })
	c.workers = append(c.workers, w)
	c.offer(w)
	c.notify()
	c.o.Log.Info("a worker has registered", slog.String("id", w.info.ID), slog.String("data", w.info.Data), slog.Int("slots", w.info.Slots))
	c.schedule()
	c.mu.Unlock()
}

// leave removes a worker and tells the jobs that have tasks on it.
func (c *Cluster) leave(w *worker, why error) {
	c.mu.Lock()
	c.workers = slices.DeleteFunc(c.workers, func(o *worker) bool { return o == w })
	c.offers = slices.DeleteFunc(c.offers, func(o *offer) bool { return o.worker == w })
	jobs := slices.Clone(w.jobs)
	w.jobs = nil
	c.notify()
	if c.ctx.Err() == nil {
		c.o.Log.Warn("a worker is lost", slog.String("id", w.info.ID), slog.Any("error", why))
	}
	for _, t := range jobs {
		t.lost(w, why)
	}
	c.mu.Unlock()
}

// notify tells those who wait for workers that one has come or gone. The cluster
// is locked.
func (c *Cluster) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Changed is closed when the next worker comes or goes.
func (c *Cluster) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Worker is what there is to say about a worker.
type Worker struct {
	rpc.Register
	Since, Heartbeat time.Time
	Used             int // slots
	Process          rpc.Process
	Jobs             []job.ID
}

// Workers are those that are registered, by id.
func (c *Cluster) Workers() []Worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Worker, 0, len(c.workers))
	for _, w := range c.workers {
		x := Worker{Register: w.info, Since: w.since, Heartbeat: w.beat, Used: w.used, Process: w.process}
		for _, t := range w.jobs {
			x.Jobs = append(x.Jobs, t.start.Job)
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Worker) int { return strings.Compare(a.ID, b.ID) })
	return all
}
