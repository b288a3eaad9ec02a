package golden

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector/expr"
)

// connector offers the world's tables as 'connector' = 'golden', 'table' = name.
func (w *world) connector() *ops.Connector {
	return &ops.Connector{
		Name: "golden",
		Options: []ops.Option{
			{Key: "table", Help: "The name of the table in the case."},
		},
		Resolve:   func(_ context.Context, t job.Table) (job.Table, error) { return t, nil },
		Changelog: true,
		Rows: func(_ context.Context, s ops.Scan) ops.Estimate {
			t := w.tables[s.Table.Options["table"]]
			if t == nil {
				return ops.Estimate{}
			}
			return ops.Estimate{Rows: float64(len(t.kinds)), Known: true, Fixed: true}
		},
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) {
			t := w.tables[s.Table.Options["table"]]
			if t == nil {
				return nil, fmt.Errorf("%w: no golden table %q", job.ErrInvalid, s.Table.Options["table"])
			}
			return &source{world: w, table: t, schema: s.Table.Schema.Schema}, nil
		},
		Sink: func(_ context.Context, t job.Table) (ops.Sink, error) {
			return &sink{world: w, table: t.Options["table"]}, nil
		},
	}
}

// source is one table in one split.
type source struct {
	world  *world
	table  *table
	schema *arrow.Schema
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return true }
func (s *source) Updating() bool        { return s.table.changes }

func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{Left: []ops.Split{{ID: s.table.name}}}
	if state != nil {
		e.Left = nil
		if err := json.Unmarshal(state, e); err != nil {
			return nil, err
		}
	}
	return e, nil
}

type enumerator struct{ Left []ops.Split }

func (e *enumerator) Discover(context.Context) (bool, error) { return true, nil }
func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.Left))
	taken := e.Left[:n:n]
	e.Left = e.Left[n:]
	return taken
}
func (e *enumerator) Return(s []ops.Split)      { e.Left = append(s, e.Left...) }
func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e) }
func (e *enumerator) Close() error              { return nil }

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	r := &reader{source: s, alloc: rt.Allocator(), ends: s.world.cut(len(s.table.kinds)), burst: 1}
	if s.world.behind {
		r.burst = 3
	}
	return r, nil
}

// reader cuts the table's rows as the world says. A position is the number of
// rows that have been read.
type reader struct {
	*source
	alloc memory.Allocator
	ends  []int
	split *ops.Split
	at    int
	burst int // how many batches it gives before it waits, when it does
	given int
	pause <-chan struct{}
}

func (r *reader) Assign(splits []ops.Split) (err error) {
	r.split = &splits[0]
	if len(r.split.Position) > 0 {
		r.at, err = strconv.Atoi(string(r.split.Position))
	}
	r.world.resumed(r.at)
	return err
}

func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if r.split == nil {
		return ops.Fetched{}, nil
	}
	if r.pause != nil {
		select {
		case <-r.pause:
			r.pause = nil
		default:
			return ops.Fetched{Ready: r.pause}, nil
		}
	}
	end := len(r.table.kinds)
	for _, e := range r.ends {
		if e > r.at {
			end = e
			break
		}
	}
	f := ops.Fetched{Done: end == len(r.table.kinds)}
	if end > r.at {
		rec, err := r.table.record(r.alloc, r.schema, r.at, end)
		if err != nil {
			return f, err
		}
		f.Batch = stream.NewBatch(rec)
		if r.table.changes {
			f.Batch.Kinds = r.table.kinds[r.at:end]
		}
	}
	r.at = end
	f.After = ops.Split{ID: r.split.ID, Position: []byte(strconv.Itoa(end))}
	if f.Done {
		r.split = nil
	} else if r.given++; r.world.paced && r.given%r.burst == 0 {
		r.pause = r.world.wait()
	}
	return f, nil
}

func (r *reader) Close() error { return nil }

// table is the rows of one table of a case, as text.
type table struct {
	name    string
	cells   [][]string // by row; nullCell is NULL
	kinds   []stream.RowKind
	changes bool // some kind is not an insert
}

// How NULL and a text of no characters are written.
const (
	nullCell  = "NULL"
	emptyCell = "''"
)

// record is the rows [from, to) with the columns of s.
func (t *table) record(alloc memory.Allocator, s *arrow.Schema, from, to int) (arrow.RecordBatch, error) {
	texts := make([]arrow.Array, s.NumFields())
	fields := make([]arrow.Field, s.NumFields())
	casts := make([]expr.Expr, s.NumFields())
	for c, f := range s.Fields() {
		b := array.NewStringViewBuilder(alloc)
		defer b.Release()
		for i := from; i < to; i++ {
			switch cells := t.cells[i]; {
			case c >= len(cells):
				return nil, fmt.Errorf("table %s, row %d: %d values for %d columns", t.name, i+1, len(cells), s.NumFields())
			case cells[c] == nullCell:
				b.AppendNull()
			case cells[c] == emptyCell:
				b.Append("")
			default:
				b.Append(cells[c])
			}
		}
		texts[c] = b.NewArray()
		defer texts[c].Release()
		fields[c] = arrow.Field{Name: f.Name, Type: arrow.BinaryTypes.StringView, Nullable: true}
		col := &expr.Column{Index: c, Name: f.Name, Of: fields[c].Type}
		casts[c] = &expr.Call{Func: "cast", Args: []expr.Expr{col}, Of: f.Type}
		if arrow.TypeEqual(f.Type, col.Of) {
			casts[c] = col
		}
	}
	in := array.NewRecordBatch(arrow.NewSchema(fields, nil), texts, int64(to-from))
	defer in.Release()
	p, err := expr.Compile(casts, in.Schema(), expr.Env{})
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	cols, err := p.Eval(alloc, in, nil)
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", t.name, err)
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	return array.NewRecordBatch(s, cols, int64(to-from)), nil
}

// sink stages rows as text within its committables.
type sink struct {
	world *world
	table string
}

func (s *sink) Writer(_ context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	return &writer{alloc: rt.Allocator(), slow: s.world.behind}, nil
}

func (s *sink) Committer(_ context.Context, id ops.SinkID) (ops.Committer, error) {
	return &committer{world: s.world, table: s.table, id: id}, nil
}

type writer struct {
	alloc memory.Allocator
	slow  bool
	rows  []row
}

func (w *writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	if w.slow {
		time.Sleep(time.Millisecond) //nolint:forbidigo // so that rows pile up before the sink
	}
	texts, err := textRows(w.alloc, b)
	w.rows = append(w.rows, texts...)
	return err
}

// textRows casts every column to a string and joins the columns with commas.
func textRows(alloc memory.Allocator, b *stream.Batch) ([]row, error) {
	s := b.Rows.Schema()
	casts := make([]expr.Expr, s.NumFields())
	for i, f := range s.Fields() {
		casts[i] = &expr.Call{
			Func: "cast", Of: arrow.BinaryTypes.StringView,
			Args: []expr.Expr{&expr.Column{Index: i, Name: f.Name, Of: f.Type}},
		}
	}
	p, err := expr.Compile(casts, s, expr.Env{})
	if err != nil {
		return nil, err
	}
	cols, err := p.Eval(alloc, b.Rows, nil)
	if err != nil {
		return nil, err
	}
	rows := make([]row, b.Len())
	for i := range rows {
		cells := make([]string, len(cols))
		for k, c := range cols {
			if cells[k] = nullCell; c.IsValid(i) {
				cells[k] = strings.Clone(c.(*array.StringView).Value(i))
			}
			if cells[k] == "" {
				cells[k] = emptyCell
			}
		}
		rows[i] = row{kind: b.Kind(i), text: strings.Join(cells, ", ")}
	}
	for _, c := range cols {
		c.Release()
	}
	return rows, nil
}

// Prepare always returns a committable, so that every epoch is published.
func (w *writer) Prepare(context.Context, stream.Epoch, bool) ([]ops.Committable, error) {
	c, err := encodeRows(w.rows)
	w.rows = nil
	return []ops.Committable{c}, err
}

func (w *writer) Close() error { return nil }

type rowDoc struct {
	Kind stream.RowKind
	Text string
}

func encodeRows(rows []row) (ops.Committable, error) {
	docs := make([]rowDoc, len(rows))
	for i, r := range rows {
		docs[i] = rowDoc{r.kind, r.text}
	}
	return json.Marshal(docs)
}

func decodeRows(c ops.Committable) ([]row, error) {
	var docs []rowDoc
	if err := json.Unmarshal(c, &docs); err != nil {
		return nil, fmt.Errorf("committable of golden sink: %w", err)
	}
	rows := make([]row, len(docs))
	for i, d := range docs {
		rows[i] = row{d.Kind, d.Text}
	}
	return rows, nil
}
