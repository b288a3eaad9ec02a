package conformance

import (
	"fmt"
	"sync"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// world is the outside of a case's jobs: the tables that they read, and what
// their sinks have published. It stays when a job fails or is stopped.
type world struct {
	tables map[string]*table // by data-id
	// metadata are the keys of metadata that some table can tell.
	metadata []string
	// cut is how many rows a batch has; 0 means all.
	cut int
	// phase is which rows are read: those of table.rows, without an end, in
	// phase 1; those of table.after behind them, then, unless endless, the end,
	// in phase 2.
	phase    int
	endless  bool
	restores bool // there will be a phase 2
	// fail makes a source fail once, after half of its rows, when they are part
	// of a checkpoint.
	fail bool
	pace pace

	mu        sync.Mutex
	failed    bool
	stages    [][]change
	published map[string][]change // by sink table
	epochs    map[ops.SinkID]stream.Epoch
	keys      map[string][]int // primary keys of the sinks
	types     map[string][]datatype.Type
	waiting   []chan struct{} // closed with the next published epoch
	drained   map[string]bool // tables whose rows were all read in phase 1
	idle      chan struct{}   // closed when all were
	sources   map[string]bool // tables that are read
}

// table is the rows of a table.
type table struct {
	rows  []change
	after []change
}

// change is one row of a table or a sink: its kind and its values, as package
// encoding/json has them on the way in and as cells on the way out.
type change struct {
	kind stream.RowKind
	row  []any
}

func newWorld() *world {
	return &world{
		tables: map[string]*table{}, cut: 1, phase: 2, published: map[string][]change{}, epochs: map[ops.SinkID]stream.Epoch{}, keys: map[string][]int{}, types: map[string][]datatype.Type{},
		drained: map[string]bool{}, sources: map[string]bool{}, idle: make(chan struct{}),
	}
}

// restored begins phase 2.
func (w *world) restored(endless bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phase, w.endless = 2, endless
	w.drained, w.idle = map[string]bool{}, make(chan struct{})
}

// visible are the rows that a source reads in this phase.
func (w *world) visible(t *table) []change {
	if w.phase == 1 {
		return t.rows
	}
	return append(t.rows[:len(t.rows):len(t.rows)], t.after...)
}

// changing reports whether some row of a table is not an insert.
func (t *table) changing() bool {
	for _, rows := range [][]change{t.rows, t.after} {
		for _, r := range rows {
			if r.kind != stream.Insert {
				return true
			}
		}
	}
	return false
}

// wait returns a channel that is closed with the next published epoch.
func (w *world) wait() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{})
	w.waiting = append(w.waiting, c)
	return c
}

// mayFail says once that a source is to fail.
func (w *world) mayFail() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.fail && !w.failed
	w.failed = w.failed || first
	return first
}

// failing reports that a source is still to fail.
func (w *world) failing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fail && !w.failed
}

// reads notes that a table is read.
func (w *world) reads(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sources[id] = true
}

// keyed notes the primary key and the types of a sink.
func (w *world) keyed(t job.Table) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keys[t.Ident.Name], w.types[t.Ident.Name] = keyOf(t), nil
	for _, f := range t.Schema.Fields() {
		dt, _ := datatype.FromField(f)
		w.types[t.Ident.Name] = append(w.types[t.Ident.Name], dt)
	}
}

// drain notes that a table was read to its end for now.
func (w *world) drain(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.drained[id] {
		return
	}
	w.drained[id] = true
	for s := range w.sources {
		if !w.drained[s] {
			return
		}
	}
	close(w.idle)
}

// stage keeps rows that are not visible yet, under a number.
func (w *world) stage(rows []change) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stages = append(w.stages, rows)
	return len(w.stages) - 1
}

func (w *world) staged(i int) []change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stages[i]
}

// publish appends rows to a sink's table, unless the epoch is there already.
func (w *world) publish(name string, id ops.SinkID, e stream.Epoch, rows []change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e > w.epochs[id] {
		w.epochs[id] = e
		w.published[name] = append(w.published[name], rows...)
	}
	w.pace.published++
	for _, c := range w.waiting {
		close(c)
	}
	w.waiting = nil
}

// changes are what a sink has published.
func (w *world) changes(name string) []change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.published[name]
}

// final is the table that changes make: those of equal key replace each other,
// or, without a key, a multiset of rows.
func final(changes []change, key []int, text func([]any) string) ([][]any, error) {
	var order []string
	rows := map[string][][]any{}
	for i, c := range changes {
		k := text(c.row)
		if key != nil {
			picked := make([]any, len(key))
			for j, at := range key {
				picked[j] = c.row[at]
			}
			k = text(picked)
		}
		if _, ok := rows[k]; !ok {
			order = append(order, k)
		}
		switch {
		case !c.kind.Retracts() && key != nil:
			rows[k] = [][]any{c.row}
		case !c.kind.Retracts():
			rows[k] = append(rows[k], c.row)
		case key != nil:
			rows[k] = [][]any{}
		case len(rows[k]) == 0:
			return nil, fmt.Errorf("change %d, %v %s, takes away a row that is not there", i+1, c.kind, k)
		default:
			rows[k] = rows[k][1:]
		}
	}
	var out [][]any
	for _, k := range order {
		out = append(out, rows[k]...)
	}
	return out, nil
}
