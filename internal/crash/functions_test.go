package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// The queries whose functions die. What they write does not depend on the order in
// which files are read.
var functionQueries = map[string]string{
	"copy":   `EXECUTE STATEMENT SET BEGIN INSERT INTO target SELECT k, v FROM arrivals; INSERT INTO receipts SELECT v FROM arrivals; END;`,
	"firsts": `INSERT INTO target SELECT k, 0 FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS n FROM arrivals) WHERE n = 1;`,
	"join":   `INSERT INTO target SELECT a.k, a.v * 1000 + b.v FROM arrivals a JOIN others b ON a.k = b.k;`,
}

const functionTables = `
CREATE TEMPORARY TABLE arrivals (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='chaos://x/in','format'='csv','source.monitor-interval'='1 s');
CREATE TEMPORARY TABLE others (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='chaos://x/others','format'='csv','source.monitor-interval'='1 s');
CREATE TEMPORARY TABLE receipts (v BIGINT) WITH ('connector'='ledger');
CREATE TEMPORARY TABLE target (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='chaos://x/out','format'='csv');
`

// ground is storage with a deployed job, and the platform that runs its functions.
type ground struct {
	t      *testing.T
	query  string
	rnd    *rand.Rand
	store  objstore.Driver
	ledger ledger
	calm   bool

	mu      sync.Mutex
	events  []json.RawMessage // that wait to be delivered
	old     []json.RawMessage // that were delivered, and may come again
	asleep  []chan struct{}
	running sync.WaitGroup
	fell    map[string]int
	files   int
	errors  map[string]bool // of invocations, for those who look into it
}

var _ lambda.Sender = (*ground)(nil)

// Send implements lambda.Sender: an event may get lost, come twice, or be cut off.
func (g *ground) Send(_ context.Context, event json.RawMessage) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch roll := g.rnd.Float64(); {
	case g.calm:
	case roll < 0.03:
		g.fell["lost"]++
		return nil
	case roll < 0.10:
		g.fell["doubled"]++
		g.events = append(g.events, event)
	case roll < 0.13:
		g.fell["cut off"]++
		g.events = append(g.events, event[:len(event)/2])
	}
	g.events = append(g.events, event)
	return nil
}

// Invoke implements lambda.Invoker: nobody waits here.
func (g *ground) Invoke(context.Context, json.RawMessage) (json.RawMessage, error) {
	panic("somebody waits")
}

func (g *ground) options(f *fate) wadi.Options {
	return wadi.Options{
		Connectors: []*ops.Connector{g.ledger.connector(f)},
		Stores:     map[string]objstore.Opener{"chaos": f.opener(g.store)},
		Invokers:   wadi.Invokers{"ground": func(context.Context, string) (lambda.Invoker, error) { return g, nil }},
		Config: map[string]string{
			"execution.checkpointing.dir": "chaos://x/checkpoints", "execution.functions.heartbeat-timeout": "20 ms",
			"execution.functions.timeout": "1 min",
		},
	}
}

// fates deals out what becomes of an invocation.
func (g *ground) fates() *fate {
	if g.calm {
		return &fate{}
	}
	f := &fate{rnd: rand.New(rand.NewPCG(g.rnd.Uint64(), 1)), faults: 0.01}
	switch roll := g.rnd.Float64(); {
	case roll < 0.25:
		f.left = 1 + g.rnd.IntN(80)
		g.fell["killed"]++
	case roll < 0.35:
		f.left, f.frozen = 1+g.rnd.IntN(80), make(chan struct{})
		g.fell["frozen"]++
	case roll < 0.50: // long enough for others to take it for dead
		f.left, f.nap = 1+g.rnd.IntN(80), time.Duration(10+g.rnd.IntN(50))*time.Millisecond
		g.fell["asleep"]++
	}
	f.gone = func() {
		if f.frozen != nil {
			g.mu.Lock()
			g.asleep = append(g.asleep, f.frozen)
			g.mu.Unlock()
		}
		g.running.Done() // nobody waits for it
	}
	return f
}

// deliver gives an event to a process of its own.
func (g *ground) deliver(event json.RawMessage) {
	f := g.fates()
	g.running.Add(1)
	go func() {
		_, err := wadi.StageHandler(g.options(f))(context.Background(), event)
		if err != nil && testing.Verbose() {
			g.mu.Lock()
			g.errors[fmt.Sprintf("%.300v", err)] = true
			g.mu.Unlock()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.dead {
			g.running.Done()
		}
	}()
}

// settle delivers events, and those that they lead to, a few at once.
func (g *ground) settle(wait bool) {
	for {
		g.mu.Lock()
		n := len(g.events)
		if n == 0 {
			g.mu.Unlock()
			if !wait {
				return
			}
			g.running.Wait()
			g.mu.Lock()
			n = len(g.events)
			if n == 0 {
				g.mu.Unlock()
				return
			}
		}
		i := g.rnd.IntN(n)
		event := g.events[i]
		g.events = slices.Delete(g.events, i, i+1)
		g.old = append(g.old, event)
		g.deliver(event)
		pause := g.rnd.IntN(3)
		g.mu.Unlock()
		if pause == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// thaw lets all that sleep go on.
func (g *ground) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.asleep {
		g.running.Add(1)
		close(c)
	}
	g.asleep = nil
}

// late delivers some events that were delivered before.
func (g *ground) late(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range min(n, len(g.old)) {
		g.fell["late"]++
		g.events = append(g.events, g.old[g.rnd.IntN(len(g.old))])
	}
}

func (g *ground) trigger(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.events = append(g.events, json.RawMessage(`{"trigger":{"job":"crash","reason":"`+reason+`"}}`))
}

// deploy installs the job: with new false, in place of the one that is there.
func (g *ground) deploy(anew bool) {
	o := g.options(&fate{})
	maps.Copy(o.Config, map[string]string{
		"pipeline.name": "crash", "parallelism.default": "2", "execution.functions.target": "ground:", "execution.functions.fuse": []string{"auto", "on", "off"}[g.rnd.IntN(3)],
		"execution.checkpointing.num-retained": []string{"1", "5"}[g.rnd.IntN(2)], "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "3", "restart-strategy.fixed-delay.delay": "1 ms",
	})
	e, err := wadi.Local(o)
	if err != nil {
		g.t.Fatal(err)
	}
	defer e.Close()
	restore := wadi.RestoreLatest
	if anew {
		restore = wadi.RestoreRefuse
	}
	err = e.Execute(context.Background(), functionTables+g.query, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		_, err := o.Pipeline.Deploy(context.Background(), restore)
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// arrive writes a file of each source.
func (g *ground) arrive() {
	for _, dir := range []string{"in", "others"} {
		var text strings.Builder
		for i := range 1 + (g.files*7)%20 {
			fmt.Fprintf(&text, "k%d,%d\n", (g.files+i*3)%12, g.files*100+i)
		}
		if err := g.store.Put(context.Background(), fmt.Sprintf("x/%s/%03d.csv", dir, g.files), []byte(text.String()), false); err != nil {
			g.t.Fatal(err)
		}
	}
	g.files++
}

// written are the rows of the target.
func (g *ground) written() (rows []string) {
	ctx := context.Background()
	err := g.store.Walk(ctx, "x/out/", func(i objstore.Info) bool {
		name := strings.TrimPrefix(i.Name, "x/out/")
		if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.Contains(name, "/") {
			return true
		}
		s, err := g.store.Open(ctx, i.Name)
		if err != nil {
			g.t.Fatal(err)
		}
		data := make([]byte, i.Size)
		if _, err := s.ReadAt(ctx, data, 0); err != nil && !errors.Is(err, io.EOF) {
			g.t.Fatal(err)
		}
		rows = append(rows, strings.Fields(string(data))...)
		return true
	})
	if err != nil {
		g.t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// finish lets everything end well.
func (g *ground) finish(wantIdle bool) {
	g.calm = true
	g.thaw()
	time.Sleep(2 * time.Millisecond)
	g.settle(true)
	for range 40 {
		g.trigger("timer")
		g.settle(true)
		if !wantIdle || g.idle() {
			return
		}
		time.Sleep(25 * time.Millisecond) // until nobody takes the dead for alive
	}
	g.t.Errorf("the job does not come to rest: %v", slices.Sorted(maps.Keys(g.errors)))
}

// idle reports whether a trigger has nothing to do.
func (g *ground) idle() bool {
	e, err := wadi.Local(g.options(&fate{}))
	if err != nil {
		g.t.Fatal(err)
	}
	defer e.Close()
	all, err := e.Trigger(context.Background(), lambda.Trigger{Job: "crash"})
	if err != nil {
		g.t.Log(err)
		return false
	}
	return len(all) == 1 && all[0].State == wadi.TriggerIdle
}

func newGround(t *testing.T, query string, seed uint64) *ground {
	return &ground{t: t, query: query, rnd: rand.New(rand.NewPCG(seed, 0)), store: objstore.NewMemory(), ledger: ledger{epochs: map[stream.Epoch]string{}}, fell: map[string]int{}, errors: map[string]bool{}}
}

// schedule runs the job while its functions die, sleep, come late and twice, and
// storage fails.
func (g *ground) schedule(arrivals int) {
	g.deploy(true)
	for range arrivals {
		g.arrive()
		g.trigger("manual")
		switch g.rnd.IntN(6) {
		case 0:
			g.trigger("manual")
		case 1:
			g.settle(true)
			g.thaw()
		case 2:
			g.late(3)
		case 3:
			g.settle(false)
			g.fell["deployed again"]++
			g.deploy(false)
		case 4:
			time.Sleep(20 * time.Millisecond)
			g.trigger("timer")
		}
		g.settle(g.rnd.IntN(2) == 0)
	}
	g.settle(true)
	g.late(3)
	g.settle(true)
	g.finish(true)
}

// TestCrashFunctions is the proof for jobs that no process leads.
func TestCrashFunctions(t *testing.T) {
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	for name, query := range functionQueries {
		t.Run(name, func(t *testing.T) {
			const arrivals = 6
			calm := newGround(t, query, 0)
			calm.calm = true
			calm.deploy(true)
			for range arrivals {
				calm.arrive()
			}
			calm.finish(true)
			want := calm.written()
			if len(want) == 0 {
				t.Fatal("the undisturbed run has written nothing")
			}
			fell := map[string]int{}
			for n := range uint64(*runs) {
				g := newGround(t, query, from+n)
				g.schedule(arrivals)
				for k, v := range g.fell {
					fell[k] += v
				}
				if got := g.written(); !slices.Equal(got, want) {
					t.Errorf("%d rows, want %d: %v", len(got), len(want), got)
				}
				for _, bad := range g.ledger.bad {
					t.Error(bad)
				}
				if t.Failed() {
					t.Fatalf("go test ./internal/crash -run TestCrashFunctions/%s -args -runs 1 -seed %d; %v", name, from+n, slices.Sorted(maps.Keys(g.errors)))
				}
			}
			t.Logf("%d schedules, %d rows each: %v", *runs, len(want), fell)
		})
	}
}
