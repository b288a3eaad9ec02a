package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// result is a row of the sink: a key, and which of its rows it is, modulo 3.
type result struct{ Key, Count int64 }

// target is where sinks publish: it records the highest epoch of each, and takes
// each epoch once, as a table with transactions does.
type target struct {
	w      *world
	epochs map[string]stream.Epoch // by sink
	rows   map[result]int
	faults int
}

func newTarget(w *world) *target {
	return &target{w: w, epochs: map[string]stream.Epoch{}, rows: map[result]int{}}
}

// table is the connector's sink.
type table struct{ t *target }

var _ ops.Sink = table{}

func (s table) Writer(context.Context, ops.Runtime) (ops.SinkWriter, error) { return &writer{}, nil }

func (s table) Committer(_ context.Context, id ops.SinkID) (ops.Committer, error) {
	return &publisher{s.t, id.Sink}, nil
}

// writer stages rows in memory; a receipt holds the rows themselves.
type writer struct{ rows []result }

func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	keys, counts := b.Rows.Column(0).(*array.Int64), b.Rows.Column(1).(*array.Int64)
	for i := range b.Len() {
		w.rows = append(w.rows, result{keys.Value(i), counts.Value(i)})
	}
	return nil
}

func (w *writer) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	if len(w.rows) == 0 {
		return nil, nil
	}
	data, err := json.Marshal(w.rows)
	w.rows = nil
	return []ops.Committable{data}, err
}

func (w *writer) Close() error { return nil }

type publisher struct {
	t    *target
	sink string
}

func (p *publisher) Published(context.Context) (stream.Epoch, error) {
	p.t.w.pause()
	return p.t.epochs[p.sink], nil
}

// Commit publishes all epochs above the highest, or, while it may gather, some.
func (p *publisher) Commit(_ context.Context, pending []ops.Pending, force bool) (stream.Epoch, error) {
	w := p.t.w
	if w.chance(3) {
		w.sleep(time.Duration(w.rnd.IntN(80)) * time.Millisecond)
	}
	w.pause()
	if !force && w.chance(4) {
		return p.t.epochs[p.sink], nil
	}
	if p.t.faults > 0 && w.chance(p.t.faults) {
		return 0, fmt.Errorf("%w: the target does not answer", job.ErrUnavailable)
	}
	for _, e := range pending {
		if e.Epoch <= p.t.epochs[p.sink] {
			continue
		}
		for _, c := range e.Committables {
			var rows []result
			if err := json.Unmarshal(c, &rows); err != nil {
				return 0, err
			}
			for _, r := range rows {
				p.t.rows[r]++
			}
		}
		p.t.epochs[p.sink] = e.Epoch
	}
	w.pause()
	if p.t.faults > 0 && w.chance(p.t.faults) {
		return 0, errLost
	}
	return p.t.epochs[p.sink], nil
}

func (p *publisher) Close() error { return nil }

// rowsIn are the rows of split s: (key, time), the same in every run.
const (
	splits  = 7
	keys    = 40
	perRow  = 10 // milliseconds of event time from row to row
	batches = 4  // rows in a batch, at most
)

func rowsIn(s int) int { return 20 - (s*5)%13 }

// keyOf is broad at first, so that the first run of state is large, and narrow
// later, so that later ones are small and full of deletions.
func keyOf(s, i int) int64 {
	if s == firstOf[0] || s == firstOf[1] {
		return int64((s*4 + i) % keys)
	}
	return int64((i*i + s) % 7)
}

// firstOf is the first split of each of the two sources, and the end.
var firstOf = [...]int{0, 4, splits}

// modulus is after how many rows the count of a key begins anew; its state is
// then deleted.
const modulus = 3

// files is the connector's source: splits that a listing finds one by one.
type files struct {
	w  *world
	of int // which source
}

var (
	_ ops.Source     = files{}
	_ ops.Discoverer = files{}
)

var rowSchema = arrow.NewSchema([]arrow.Field{{Name: "key", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (files) Schema() *arrow.Schema            { return rowSchema }
func (files) Bounded() bool                    { return true }
func (files) DiscoveryInterval() time.Duration { return 60 * time.Millisecond }

func (files) Reader(context.Context, ops.Runtime) (ops.SplitReader, error) {
	panic("the model of the source task reads itself")
}

func (f files) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{w: f.w, end: firstOf[f.of+1]}
	e.found.Next = firstOf[f.of]
	f.w.pause()
	if state == nil {
		return e, nil
	}
	return e, json.Unmarshal(state, &e.found)
}

type enumerator struct {
	w     *world
	end   int
	found struct {
		Next  int         // the next split to discover
		Ready []ops.Split // not taken
	}
}

func (e *enumerator) Discover(context.Context) (bool, error) {
	e.w.pause()
	for n := e.w.rnd.IntN(3); n > 0 && e.found.Next < e.end; n-- {
		e.found.Ready = append(e.found.Ready, ops.Split{ID: fmt.Sprint(e.found.Next), Watermark: stream.Start})
		e.found.Next++
	}
	return e.found.Next == e.end, nil
}

func (e *enumerator) Take(_, _, n int) []ops.Split {
	e.w.pause()
	n = min(n, len(e.found.Ready))
	taken := e.found.Ready[:n:n]
	e.found.Ready = e.found.Ready[n:]
	return taken
}

func (e *enumerator) Return(s []ops.Split) {
	e.found.Ready = append(s[:len(s):len(s)], e.found.Ready...)
}

func (e *enumerator) Snapshot() ([]byte, error) {
	e.w.pause()
	return json.Marshal(e.found)
}

func (e *enumerator) Close() error { return nil }

// batch makes rows of split s from row i on.
func batch(s, i, n int) *stream.Batch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for j := range n {
		b.Append(keyOf(s, i+j))
	}
	col := b.NewArray()
	defer col.Release()
	return stream.NewBatch(array.NewRecordBatch(rowSchema, []arrow.Array{col}, int64(n)))
}
