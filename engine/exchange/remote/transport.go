package remote

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/exchange"
	"github.com/wadi-engine/wadi/engine/peer"
	"github.com/wadi-engine/wadi/job"
)

// Key names one channel of one attempt at running a job.
type Key struct {
	Job        job.ID `json:"job"`
	Generation uint64 `json:"generation"`
	Edge       string `json:"edge"` // of the graph: from, port, to, input
	Sender     int    `json:"sender"`
	Receiver   int    `json:"receiver"`
}

func (k Key) String() string {
	return fmt.Sprintf("%s/%d edge %s from %d to %d", k.Job, k.Generation, k.Edge, k.Sender, k.Receiver)
}

// Options are what a Transport needs of its process.
type Options struct {
	Identity peer.Identity
	Alloc    memory.Allocator
	// Budget is the credit of one channel, in bytes; 0 means exchange.DefaultBudget.
	Budget int64
	// Compression is applied to what is sent; nil means none.
	Compression ipc.Option
	Log         *slog.Logger
}

// maxWaiting is how many channels may have been opened for tasks that do not
// run yet.
const maxWaiting = 1 << 17

// Transport is the remote exchange of one worker.
type Transport struct {
	o        Options
	listener net.Listener
	ctx      context.Context //nolint:containedctx // the life of all connections
	stop     context.CancelFunc
	loops    sync.WaitGroup

	mu  sync.Mutex
	out map[string]*outgoing // by address
	in  map[*incoming]bool
	// ends are the receiving ends of channels whose task runs here; waiting are
	// those that were opened before.
	ends    map[Key]*end
	waiting map[Key]*arrival
	// released are the receiving ends whose task is gone.
	released map[place]uint64
}

// place is where channels of an edge end, in every attempt: of which the newest is
// remembered.
type place struct {
	job      job.ID
	edge     string
	receiver int
}

func (k Key) place() place { return place{k.Job, k.Edge, k.Receiver} }

// end is the receiving end of a channel at its task.
type end struct {
	gate    *exchange.Local
	channel int
	budget  *atomic.Int64 // what one channel of the gate may hold

	mu      sync.Mutex
	arrival *arrival // nil until the channel is opened
}

// Listen returns a Transport that receives on an address, such as
// "127.0.0.1:0".
func Listen(ctx context.Context, address string, o Options) (*Transport, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: listen for data: %w", job.ErrInvalid, err)
	}
	if o.Budget == 0 {
		o.Budget = exchange.DefaultBudget
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Transport{
		o: o, listener: l, out: make(map[string]*outgoing), in: make(map[*incoming]bool),
		ends: make(map[Key]*end), waiting: make(map[Key]*arrival), released: make(map[place]uint64),
	}
	t.ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	t.loops.Go(t.accept)
	return t, nil
}

// Addr is where the Transport receives.
func (t *Transport) Addr() net.Addr { return t.listener.Addr() }

// Close ends every connection. Tasks that have channels must be gone.
func (t *Transport) Close() error {
	t.stop()
	err := t.listener.Close()
	t.mu.Lock()
	for _, o := range t.out {
		o.fail(errClosed)
	}
	for i := range t.in {
		_ = i.conn.Close() // its loop ends, and says why
	}
	t.mu.Unlock()
	t.loops.Wait()
	if err != nil {
		return fmt.Errorf("close the data port: %w", err)
	}
	return nil
}

var errClosed = fmt.Errorf("%w: the worker ends", job.ErrUnavailable)

func (t *Transport) accept() {
	for {
		raw, err := t.listener.Accept()
		if err != nil {
			return // closed
		}
		t.loops.Go(func() {
			conn, purpose, err := peer.Accept(t.ctx, raw, t.o.Identity)
			if err == nil && purpose != peer.Data {
				_ = conn.Close() // it is refused
				err = fmt.Errorf("%w: this is a port for data", peer.ErrRefused)
			}
			if err != nil {
				t.o.Log.Warn("a connection for data is refused", slog.Any("error", err))
				return
			}
			t.receive(conn)
		})
	}
}

// Receive makes channel i of gate the receiving end of keys[i]. Elements may
// arrive at once.
func (t *Transport) Receive(keys []Key, gate *exchange.Local) {
	ends := make([]*end, len(keys))
	budget := new(atomic.Int64)
	budget.Store(t.o.Budget)
	for i := range keys {
		ends[i] = &end{gate: gate, channel: i, budget: budget}
	}
	gate.OnBudget(func(bytes int64) {
		budget.Store(min(bytes, t.o.Budget))
		for _, e := range ends {
			e.resized()
		}
	})
	gate.OnTaken(func(channel int, bytes int64) { ends[channel].taken(bytes) })
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, k := range keys {
		t.ends[k] = ends[i]
		if a := t.waiting[k]; a != nil {
			delete(t.waiting, k)
			a.attach(ends[i])
		}
	}
}

// resized tells the sender of another budget.
func (e *end) resized() {
	e.mu.Lock()
	a := e.arrival
	e.mu.Unlock()
	if a != nil {
		a.say(credit{budget: e.budget.Load()})
	}
}

func (e *end) taken(bytes int64) {
	e.mu.Lock()
	a := e.arrival
	e.mu.Unlock()
	if a != nil {
		a.giveBack(bytes)
	}
}

// Local is the receiving end of a channel whose sender is in this process too.
func (t *Transport) Local(k Key) (exchange.Channel, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.ends[k]
	if e == nil {
		return nil, false
	}
	return e.gate.Channel(e.channel), true
}

// Release forgets receiving ends, and those of earlier attempts at the same places:
// their tasks are gone. Senders are told, those too that come later.
func (t *Transport) Release(keys []Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		t.released[k.place()] = max(t.released[k.place()], k.Generation)
		e := t.ends[k]
		if e == nil {
			continue
		}
		delete(t.ends, k)
		e.mu.Lock()
		a := e.arrival
		e.arrival = nil
		e.mu.Unlock()
		if a != nil {
			a.detach()
		}
	}
	for k, a := range t.waiting {
		if k.Generation <= t.released[k.place()] {
			delete(t.waiting, k)
			a.detach()
		}
	}
}

// Forget forgets a job that will not run again.
func (t *Transport) Forget(id job.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.released, func(p place, _ uint64) bool { return p.job == id })
}

// arrive is told of a channel that a sender has opened.
func (t *Transport) arrive(a *arrival) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.key.Generation <= t.released[a.key.place()] {
		a.detach()
		return nil
	}
	if e := t.ends[a.key]; e != nil {
		a.attach(e)
		return nil
	}
	if t.waiting[a.key] != nil || len(t.waiting) >= maxWaiting {
		return broken("channel %v is opened twice, or %d wait", a.key, len(t.waiting))
	}
	t.waiting[a.key] = a
	return nil
}

// close is told that the sender of an arrival is gone.
func (t *Transport) close(a *arrival) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[a.key] == a {
		delete(t.waiting, a.key)
	}
}

// depart is told that the connection of arrivals has ended.
func (t *Transport) depart(in *incoming) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.in, in)
	for k, a := range t.waiting {
		if a.in == in {
			delete(t.waiting, k)
		}
	}
}
