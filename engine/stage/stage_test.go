package stage_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/wadi-engine/wadi/connect/nexmark"
	"github.com/wadi-engine/wadi/engine"
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/exchange/durable"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/engine/stage"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
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

// tally is a sink that counts the rows of each auction it sees, as committables.
func tally() *ops.Connector {
	return &ops.Connector{Name: "tally", Sink: func(context.Context, job.Table) (ops.Sink, error) { return tallySink{}, nil }}
}

type tallySink struct{}

func (tallySink) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) {
	return &tallyWriter{n: make(map[string]int)}, nil
}
func (tallySink) Committer(context.Context, ops.SinkID) (ops.Committer, error) { return nil, nil }

type tallyWriter struct{ n map[string]int }

func (w *tallyWriter) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	for i := range b.Len() {
		w.n[b.Rows.Column(0).ValueStr(i)+" "+b.Rows.Column(1).ValueStr(i)]++
	}
	return nil
}

func (w *tallyWriter) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	c, err := json.Marshal(w.n)
	return []ops.Committable{c}, err
}
func (w *tallyWriter) Close() error { return nil }

func config(t *testing.T, c any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// graph is bids, by auction, into a tally.
func graph(t *testing.T, parallelism int) (*job.Graph, ops.Source) {
	t.Helper()
	ctx := context.Background()
	table, err := nexmark.Connector().Resolve(ctx, job.Table{Connector: "nexmark", Options: map[string]string{"events.num": "60000", "splits": "3"}})
	if err != nil {
		t.Fatal(err)
	}
	scan := ops.Scan{Table: table, Columns: [][]string{{"bid", "auction"}, {"bid", "extra"}}}
	src, err := nexmark.Connector().Source(ctx, scan)
	if err != nil {
		t.Fatal(err)
	}
	out := job.Schema{Schema: src.Schema()}
	return &job.Graph{Name: "bids", KeyGroups: 128, Vertices: []job.Vertex{
		{ID: 0, UID: "src", Name: "Source", Kind: job.KindSource, Parallelism: parallelism, Output: out, Config: config(t, ops.SourceConfig{Scan: scan})},
		{ID: 1, UID: "sink", Name: "Sink", Kind: job.KindSink, Parallelism: parallelism, Output: out, Config: config(t, ops.SinkConfig{Table: job.Table{Connector: "tally"}})},
	}, Edges: []job.Edge{{From: 0, To: 1, Partitioning: job.ByKey, Keys: []int{0}}}}, src
}

// run runs every stage of every epoch until all tasks have ended, each spec
// and result as the JSON that another process would get.
func run(t *testing.T, parallelism int, rows int64) (counts map[string]int, epochs int) {
	t.Helper()
	ctx := context.Background()
	g, src := graph(t, parallelism)
	store, err := objstore.New(objstore.Options{}).Open(ctx, "mem://stage/"+t.Name(), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := engine.Options{
		Registry: &ops.Registry{Connectors: map[string]*ops.Connector{"nexmark": nexmark.Connector(), "tally": tally()}},
		Backend:  func(rpc.Deploy, rpc.Assignment, checkpoint.Store) (state.Backend, error) { return stateless{}, nil },
		Store:    store, Alloc: mem.Default(), Clock: engine.WallClock{}, Log: slog.Default(),
	}
	enum, err := src.Enumerator(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	splits := make(map[int][]ops.Split)
	for i := range parallelism {
		splits[i] = enum.Take(i, parallelism, 1)
	}
	counts = make(map[string]int)
	ended := make(map[checkpoint.TaskID]bool)
	for epoch := stream.Epoch(1); len(ended) < 2*parallelism; epoch++ {
		epochs++
		next := make(map[int][]ops.Split)
		var between []durable.Sent
		for v := range g.Vertices {
			spec := stage.Spec{Job: "j", Generation: 1, Graph: g, Epoch: epoch, Splits: splits, NoMore: true, Rows: rows}
			for i := range parallelism {
				id := checkpoint.TaskID{Vertex: job.VertexID(v), Index: i}
				spec.Tasks = append(spec.Tasks, checkpoint.Assignment{Task: id, Watermark: stream.Start, Ended: ended[id]})
			}
			spec.Inputs = stage.InputsOf(spec, between)
			var sent stage.Spec
			if err := json.Unmarshal(config(t, spec), &sent); err != nil {
				t.Fatal(err)
			}
			res, err := stage.Run(ctx, sent, "a", o)
			if err != nil {
				t.Fatalf("epoch %d, vertex %d: %v", epoch, v, err)
			}
			between = append(between, res.Sent...)
			for _, h := range res.Handles {
				if h.Ended {
					ended[h.Task] = true
				}
				if v == 0 {
					next[h.Task.Index] = h.Splits
				}
				for _, p := range h.Committables["sink"] {
					for _, c := range p.Committables {
						var n map[string]int
						if err := json.Unmarshal(c, &n); err != nil {
							t.Fatal(err)
						}
						for k, v := range n {
							counts[k] += v
						}
					}
				}
			}
		}
		splits = next
	}
	return counts, epochs
}

// TestEpochsAddUp: one epoch with everything, or many small ones, on one task
// or several: the sink sees the same rows.
func TestEpochsAddUp(t *testing.T) {
	want, epochs := run(t, 1, 0)
	total := 0
	for _, n := range want {
		total += n
	}
	if epochs != 1 || total != 60_000 {
		t.Fatalf("%d rows in %d epochs, want 60000 in 1", total, epochs)
	}
	for _, c := range []struct {
		parallelism int
		rows        int64
	}{{1, 10_000}, {2, 0}, {2, 1}} {
		got, epochs := run(t, c.parallelism, c.rows)
		if c.rows > 0 && epochs < 2 {
			t.Errorf("%+v: %d epochs", c, epochs)
		}
		if len(got) != len(want) {
			t.Errorf("%+v: %d different rows, want %d", c, len(got), len(want))
		}
		for k, n := range want {
			if got[k] != n {
				t.Errorf("%+v: row %s comes %d times, want %d", c, k, got[k], n)
				break
			}
		}
	}
}
