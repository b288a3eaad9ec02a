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
	"github.com/wadi-engine/wadi/internal/mutant"
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
	// Grace is how long the tasks of a worker whose connection has broken are not
	// given up; 0 means two seconds.
	Grace time.Duration
	// Leads, if not nil, reports whether this process leads still: one that does not,
	// and will learn of it, gives up no worker that does not come back.
	Leads func(context.Context) bool
	Bugs  mutant.Set
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
	if o.Grace == 0 {
		o.Grace = min(2*time.Second, o.Timeout)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Cluster is the workers of one coordinator.
type Cluster struct {
	o        Options
	listener net.Listener    // nil when nobody listens
	ctx      context.Context //nolint:containedctx // the life of all connections
	stop     context.CancelFunc
	loops    sync.WaitGroup

	mu      sync.Mutex
	leads   bool
	term    uint64
	workers []*Member // in the order in which they have registered
	waiting []*Tasks  // jobs that need slots, the first first
	offers  []*offer  // tasks that run on, and wait for their job
	// settled are the jobs whose tasks were adopted, or started anew: others that
	// a worker still holds are not wanted.
	settled map[job.ID]bool
	changed chan struct{} // closed, and replaced, when a worker comes or goes

	alive func(ctx context.Context, address string) bool // dial, but in tests
}

// New returns a Cluster that nobody can reach: workers are told of with Join.
func New(o Options) *Cluster {
	c := &Cluster{o: o.withDefaults(), settled: make(map[job.ID]bool), changed: make(chan struct{})}
	c.alive = c.dial
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
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

// Join adds a worker; one of the same id that was there is replaced.
func (c *Cluster) Join(l Link, r rpc.Register) *Member {
	now := c.o.Clock.Now()
	w := &Member{c: c, link: l, info: r, since: now, beat: now, heard: r.Said}
	var away []*Member
	c.mu.Lock()
	defer func() {
		c.mu.Unlock()
		for _, old := range away {
			old.Leave(errReplaced)
		}
	}()
	w.term = c.term
	w.send(rpc.ToWorker{Welcome: c.welcomes(&rpc.Welcome{})})
	for _, old := range c.workers {
		switch {
		case old.info.ID != w.info.ID:
		case old.on(nil):
			away = append(away, old)
		default:
			old.close() // it leaves, and its jobs learn of it
		}
	}
	c.workers = slices.DeleteFunc(c.workers, func(o *Member) bool { return o.info.ID == w.info.ID })
	c.offers = slices.DeleteFunc(c.offers, func(o *offer) bool { return o.worker.info.ID == w.info.ID })
	c.workers = append(c.workers, w)
	c.offer(w)
	c.notify()
	c.o.Log.Info("a worker has registered", slog.String("id", w.info.ID), slog.String("data", w.info.Data), slog.Int("slots", w.info.Slots))
	c.schedule()
	return w
}

var errReplaced = fmt.Errorf("%w: another process has its id, or it has lost what was said", job.ErrUnavailable)

// welcomes completes a welcome.
func (c *Cluster) welcomes(m *rpc.Welcome) *rpc.Welcome {
	m.Interval, m.Timeout = c.o.Interval.Milliseconds(), c.o.Timeout.Milliseconds()
	return m
}

// Leave removes a worker that is lost, and tells the jobs that have tasks on it.
func (w *Member) Leave(why error) {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers = slices.DeleteFunc(c.workers, func(o *Member) bool { return o == w })
	c.offers = slices.DeleteFunc(c.offers, func(o *offer) bool { return o.worker == w })
	jobs := slices.Clone(w.jobs)
	w.jobs = nil
	w.cuts++
	w.asks.end()
	c.notify()
	if c.ctx.Err() == nil {
		c.o.Log.Warn("a worker is lost", slog.String("id", w.info.ID), slog.Any("error", why))
	}
	for _, t := range jobs {
		t.lost(w, why)
	}
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
