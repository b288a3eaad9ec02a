package engine_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/blackhole"
	"github.com/wadi-engine/wadi/connect/nexmark"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/mem"
)

// stateless is a backend for chains without tables.
type stateless struct{}

func (stateless) Table(string, ops.TableSpec) (ops.Table, error) { panic("no tables here") }
func (stateless) Durable() bool                                  { return false }
func (stateless) Freeze(stream.Epoch) (state.Frozen, error)      { return stateless{}, nil }
func (stateless) Confirm(stream.Epoch)                           {}
func (stateless) Close() error                                   { return nil }
func (stateless) Release()                                       {}
func (stateless) Upload(context.Context, checkpoint.Store) ([]checkpoint.TableState, error) {
	return nil, nil
}

func newWorker() *engine.Worker {
	return engine.NewWorker(engine.Options{
		Registry: &ops.Registry{Connectors: map[string]*ops.Connector{
			"nexmark": nexmark.Connector(), "blackhole": blackhole.Connector(),
		}},
		Backend: func(rpc.Deploy, rpc.Assignment, checkpoint.Store) (state.Backend, error) { return stateless{}, nil },
		Alloc:   mem.Default(), Clock: engine.WallClock{}, Log: slog.Default(),
	})
}

func config(t testing.TB, c any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bids is a graph that sends bids from nexmark to blackhole: a chain, or, with
// keys, two chains with an exchange between.
func bids(t testing.TB, events string, parallelism int, keys []int) *job.Graph {
	t.Helper()
	ctx := context.Background()
	table, err := nexmark.Connector().Resolve(ctx, job.Table{Connector: "nexmark", Options: map[string]string{"events.num": events}})
	if err != nil {
		t.Fatal(err)
	}
	scan := ops.Scan{Table: table, Columns: [][]string{{"bid", "auction"}, {"bid", "bidder"}, {"bid", "price"}, {"bid", "dateTime"}, {"bid", "extra"}}}
	src, err := nexmark.Connector().Source(ctx, scan)
	if err != nil {
		t.Fatal(err)
	}
	schema := job.Schema{Schema: src.Schema()}
	when := &expr.Column{Index: 3, Name: "dateTime", Of: &arrow.TimestampType{Unit: arrow.Millisecond}}
	g := &job.Graph{Name: "bids", KeyGroups: 128, Vertices: []job.Vertex{
		{ID: 0, UID: "src", Name: "Source", Kind: job.KindSource, Parallelism: parallelism, Output: schema, Config: config(t, ops.SourceConfig{
			Scan: scan, Watermark: &ops.WatermarkSpec{Expr: expr.NewDoc(when), IntervalMillis: 200},
		})},
		{ID: 1, UID: "sink", Name: "Sink", Kind: job.KindSink, Parallelism: parallelism, Output: schema, Config: config(t, ops.SinkConfig{
			Table: job.Table{Connector: "blackhole", Options: map[string]string{"verify": "true"}},
		})},
	}, Edges: []job.Edge{{From: 0, To: 1, Partitioning: job.Forward}}}
	if keys != nil {
		g.Edges[0].Partitioning, g.Edges[0].Keys = job.ByKey, keys
	}
	return g
}

// drive is a coordinator that hands out splits and, when every source has been
// read, injects the last barrier. It returns the sum of the sinks' checksums
// and the rows that reached them.
func drive(t testing.TB, w *engine.Worker, g *job.Graph) (sum, rows int64) {
	t.Helper()
	ctx := context.Background()
	d := rpc.Deploy{Job: "j", Generation: 1, Graph: g}
	sources, tasks := 0, 0
	for _, c := range g.Chains() {
		v := g.Vertices[c.Head()]
		for i := range v.Parallelism {
			d.Tasks = append(d.Tasks, rpc.Assignment{
				Task: checkpoint.TaskID{Vertex: v.ID, Index: i}, Groups: stream.RangeOf(g.KeyGroups, v.Parallelism, i), Watermark: stream.Start,
			})
			tasks++
			if v.Kind == job.KindSource {
				sources++
			}
		}
	}
	sc, err := ops.DecodeConfig[ops.SourceConfig](g.Vertices[0])
	if err != nil {
		t.Fatal(err)
	}
	src, err := nexmark.Connector().Source(ctx, sc.Scan)
	if err != nil {
		t.Fatal(err)
	}
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Send(d); err != nil {
		t.Fatal(err)
	}
	stats := w.Stats()
	drained, sealed, ended := 0, 0, 0
	for ended < tasks {
		switch r := (<-w.Reports()).(type) {
		case rpc.WantSplits:
			splits := enum.Take(r.Task.Index, sources, r.N)
			_ = w.Send(rpc.Assign{Task: r.Task, Splits: splits, NoMore: true})
		case rpc.Drained:
			if drained++; drained == sources {
				for i := range sources {
					_ = w.Send(rpc.Inject{Task: checkpoint.TaskID{Index: i}, Barrier: stream.Barrier{Epoch: 1}})
				}
			}
		case rpc.Sealed:
			sealed++
			if !r.Handle.Ended || r.Handle.Watermark != stream.End {
				t.Errorf("last handle of task %v: ended %v at %v", r.Task, r.Handle.Ended, r.Handle.Watermark)
			}
		case rpc.Ended:
			ended++
		case rpc.Failed:
			t.Fatal(r.Err)
		case rpc.Declined, rpc.Canceled, rpc.Paused:
			t.Fatalf("%T %+v", r, r)
		}
	}
	if sealed != tasks {
		t.Errorf("%d of %d tasks sealed the last epoch", sealed, tasks)
	}
	for _, s := range stats {
		if g.Vertices[s.Vertex].Kind != job.KindSink {
			continue
		}
		rows += s.RecordsIn.Load()
		for name, n := range s.Counters {
			if name == blackhole.Checksum {
				sum += n
			}
		}
	}
	return sum, rows
}

// TestSameRowsOnEveryShape: chained, over an exchange, and on several tasks,
// the same rows reach the sink.
func TestSameRowsOnEveryShape(t *testing.T) {
	const events = 100_003
	w := newWorker()
	defer func() { _ = w.Close() }()
	want, rows := drive(t, w, bids(t, "100003", 1, nil))
	if rows != events || want == 0 {
		t.Fatalf("%d rows with sum %d, want %d rows", rows, want, events)
	}
	for _, p := range []int{1, 3} {
		for _, keys := range [][]int{nil, {0}, {1, 4}} {
			sum, rows := drive(t, w, bids(t, "100003", p, keys))
			if sum != want || rows != events {
				t.Errorf("parallelism %d, keys %v: %d rows with sum %d, want %d with %d", p, keys, rows, sum, events, want)
			}
		}
	}
}

func TestCancelReleasesEverything(t *testing.T) {
	w := newWorker()
	g := bids(t, "0", 2, []int{0}) // without end
	d := rpc.Deploy{Job: "j", Graph: g}
	for v := range g.Vertices {
		for i := range 2 {
			d.Tasks = append(d.Tasks, rpc.Assignment{Task: checkpoint.TaskID{Vertex: job.VertexID(v), Index: i}, Watermark: stream.Start})
		}
	}
	if err := w.Send(d); err != nil {
		t.Fatal(err)
	}
	if err := w.Send(rpc.Cancel{}); err != nil {
		t.Fatal(err)
	}
	for {
		if _, ok := (<-w.Reports()).(rpc.Canceled); ok {
			break
		}
	}
	before := w.Stats()[0].RecordsOut.Load()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if after := w.Stats()[0].RecordsOut.Load(); after != before {
		t.Errorf("tasks went on after they were cancelled: %d rows, then %d", before, after)
	}
}
