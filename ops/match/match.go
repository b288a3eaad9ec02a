// Package match finds patterns in the ordered rows of each partition:
// MATCH_RECOGNIZE.
package match

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/expr"
	"github.com/wadi-engine/wadi/vector/hashtable"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

const none = rowstore.None

// Match gives a row for each match of a pattern. The rows of a match are one
// behind the other, so that a partial match is where it began and the variable
// of each of its rows:
//
//	PATTERN (A B+ C)     rows       10   12   13   11   14
//	B rising, C falling  partial    A
//	                                A    B                      and A from 12 on
//	                                A    B    B                 and A B from 12 on, A from 13 on
//	                                A    B    B    C  complete: a row; with SKIP PAST
//	                                                  LAST ROW the others are given up
//
// Each row is tried for each partial match: as another row of its last
// variable, as the first of the next, or past variables that need no row. Where
// several hold, the match goes on in several ways. As in Flink, a row that fits a
// greedy variable is none of the next one. A complete match waits for partial
// ones that began before it.
//
// Conditions are computed for all partitions at once, row by row of each.
//
// State: a table "rows" of the rows of partial matches, and "matches" with the
// partial matches of each partition.
type Match struct {
	c       Config
	in, out *arrow.Schema
	types   []arrow.DataType

	alloc memory.Allocator
	saved state

	conds    []*condition // by variable
	measures *formula
	store    *rowstore.Store
	table    *hashtable.Table
	parts    []part
	changed  []uint32
	wm       stream.Timestamp
	deadline int64 // at which the first partial match is too old

	gids    []uint32
	ids     []uint32
	times   []int64
	loose   []uint32 // rows that no partial match has any more
	matches []found
}

// part is one partition. Row i of rows has the number first+i.
type part struct {
	rows     []uint32
	times    []int64
	first    int64
	partial  []partial // by where they began
	complete []partial // that wait for partial ones
	ahead    []uint32  // rows of the batch

	touched            bool  // since the last Flush
	saved              bool  // the state table has its matches
	savedFrom, savedTo int64 // and the rows of these numbers
}

// partial is a match so far.
type partial struct {
	start int64
	at    int // the part of the pattern that has the last row
	count int // rows that it has
	vars  []uint8
}

func (p *partial) end() int64 { return p.start + int64(len(p.vars)) }

// found is a match that is to be emitted.
type found struct{ binding }

// condition is that of a variable: of the row alone, or with references.
type condition struct {
	*formula
	alone bool
	holds []bool // of the rows of the batch, when alone
}

var _ ops.Operator = (*Match)(nil)

// NewMatch builds the operator of a vertex over rows of schema in.
func NewMatch(c Config, v job.Vertex, in *arrow.Schema) (*Match, error) {
	if err := c.check(v, in); err != nil {
		return nil, err
	}
	m := &Match{c: c, in: in, out: v.Output.Schema, wm: stream.Start, deadline: math.MaxInt64}
	for _, f := range in.Fields() {
		m.types = append(m.types, f.Type)
	}
	env, err := c.env()
	if err != nil {
		return nil, err
	}
	for _, d := range c.Define {
		var cond *condition
		if d != nil {
			f, err := newFormula([]expr.Expr{d.Expr}, in, c.Refs, env)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
			}
			cond = &condition{formula: f, alone: len(f.refs) == 0}
		}
		m.conds = append(m.conds, cond)
	}
	var list []expr.Expr
	for _, d := range c.Measures {
		list = append(list, d.Expr)
	}
	if m.measures, err = newFormula(list, in, c.Refs, env); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	if len(m.measures.columns) > 0 {
		return nil, fmt.Errorf("%w: a measure refers to a current row", job.ErrInvalid)
	}
	if m.store, err = rowstore.New(rowstore.Options{}, m.types, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	keys := []arrow.DataType{arrow.Null}
	if len(c.Partition) > 0 {
		keys = keys[:0]
		for _, k := range c.Partition {
			keys = append(keys, m.types[k])
		}
	}
	if m.table, err = hashtable.New(hashtable.Options{}, keys, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return m, nil
}

// Open implements ops.Operator.
func (m *Match) Open(ctx context.Context, rt ops.Runtime) error {
	m.alloc = rt.Allocator()
	m.wm = rt.Watermark()
	for _, c := range m.conds {
		if c != nil {
			if err := c.open(m); err != nil {
				return fmt.Errorf("%w: %w", job.ErrInvalid, err)
			}
		}
	}
	if err := m.measures.open(m); err != nil {
		return fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return m.restore(ctx, rt)
}

// Process implements ops.Operator.
func (m *Match) Process(ctx context.Context, _ int, b *stream.Batch, out ops.Output) error {
	defer b.Release()
	n := b.Len()
	if n == 0 {
		return nil
	}
	if slices.ContainsFunc(b.Kinds, func(k stream.RowKind) bool { return k != stream.Insert }) {
		return errors.New("the input has updates, but the plan says that it has none")
	}
	m.partitions(b.Rows.Columns(), n)
	m.ids = grown(m.ids, n)
	m.store.Append(b.Rows.Columns(), nil, m.ids)
	m.times = m.times[:0]
	if m.c.WithinMillis > 0 {
		m.times = append(m.times, vector.Millis(nil, b.Rows.Column(m.c.Time).(*array.Timestamp))...)
	} else {
		m.times = append(m.times, make([]int64, n)...)
	}
	if err := m.alone(b.Rows); err != nil {
		return err
	}
	var active []uint32
	for i, g := range m.gids[:n] {
		p := &m.parts[g]
		if len(p.ahead) == 0 {
			active = append(active, g)
		}
		p.ahead = append(p.ahead, uint32(i))
	}
	touched := slices.Clone(active)
	for len(active) > 0 {
		if err := m.step(b.Rows, active); err != nil {
			return err
		}
		active = slices.DeleteFunc(active, func(g uint32) bool {
			p := &m.parts[g]
			p.ahead = p.ahead[1:]
			return len(p.ahead) == 0
		})
	}
	return m.finish(ctx, touched, out)
}

// partitions finds the partitions of n rows.
func (m *Match) partitions(cols []arrow.Array, n int) {
	keys := make([]arrow.Array, len(m.c.Partition))
	for i, k := range m.c.Partition {
		keys[i] = cols[k]
	}
	if len(keys) == 0 {
		null := array.NewNull(n)
		defer null.Release()
		keys = append(keys, null)
	}
	m.gids = grown(m.gids, n)
	for _, g := range m.table.FindOrInsert(keys, nil, m.gids) {
		for len(m.parts) <= int(g) {
			m.parts = append(m.parts, part{})
		}
		m.parts[g] = part{}
	}
}

// alone computes the conditions that are about the current row alone.
func (m *Match) alone(rec arrow.RecordBatch) error {
	all := vector.All(nil, int(rec.NumRows()))
	list := make([]binding, rec.NumRows())
	for _, c := range m.conds {
		if c == nil || !c.alone {
			continue
		}
		cols, err := c.eval(m, rec, all, list)
		if err != nil {
			return err
		}
		c.holds = truths(c.holds[:0], cols[0])
		release(cols)
	}
	return nil
}

// truths are the rows of a BOOLEAN column that are true.
func truths(dst []bool, a arrow.Array) []bool {
	flags := a.(*array.Boolean)
	for i := range flags.Len() {
		dst = append(dst, flags.IsValid(i) && flags.Value(i))
	}
	return dst
}

// step takes the next row of each active partition.
func (m *Match) step(rec arrow.RecordBatch, active []uint32) error {
	t, err := m.trials(active)
	if err != nil {
		return err
	}
	if err := t.eval(rec); err != nil {
		return err
	}
	next := 0
	for _, g := range active {
		p := &m.parts[g]
		row := p.ahead[0]
		var live []partial
		for range len(p.partial) + 1 {
			live = t.grow(p, next, live)
			next++
		}
		p.partial = live
		p.rows, p.times = append(p.rows, m.ids[row]), append(p.times, m.times[row])
		if m.c.WithinMillis > 0 && len(live) > 0 {
			m.deadline = min(m.deadline, p.times[live[0].start-p.first]+m.c.WithinMillis)
		}
		if err := m.release(p); err != nil {
			return err
		}
	}
	return nil
}

// release emits the complete matches before which no partial one began, and
// gives up what they skip.
func (m *Match) release(p *part) error {
	for len(p.complete) > 0 {
		c := p.complete[0]
		if len(p.partial) > 0 && p.partial[0].start < c.start {
			return nil
		}
		p.complete = p.complete[1:]
		rows := p.rows[c.start-p.first : c.end()-p.first]
		m.matches = append(m.matches, found{binding{rows: slices.Clone(rows), vars: c.vars}})
		from, err := m.resume(c)
		if err != nil {
			return err
		}
		skipped := func(x partial) bool { return x.start < from }
		p.partial = slices.DeleteFunc(p.partial, skipped)
		p.complete = slices.DeleteFunc(p.complete, skipped)
	}
	return nil
}

// resume is the first row at which another match may begin.
func (m *Match) resume(c partial) (int64, error) {
	at := -1
	switch m.c.Skip {
	case ToNext:
		return c.start + 1, nil
	case PastLast:
		return c.end(), nil
	case ToFirst:
		at = slices.Index(c.vars, uint8(m.c.SkipVar))
	case ToLast:
		for i, v := range c.vars {
			if int(v) == m.c.SkipVar {
				at = i
			}
		}
	}
	if at <= 0 {
		return 0, errSkip
	}
	return c.start + int64(at), nil
}

// finish emits the matches, and forgets the rows that no partial match has.
func (m *Match) finish(ctx context.Context, touched []uint32, out ops.Output) error {
	for from := 0; from < len(m.matches); from += maxRows {
		if err := m.emit(ctx, m.matches[from:min(from+maxRows, len(m.matches))], out); err != nil {
			return err
		}
	}
	m.matches = m.matches[:0]
	var empty []uint32
	for _, g := range touched {
		p := &m.parts[g]
		m.trim(p)
		switch {
		case p.touched:
		case len(p.rows) == 0 && !p.saved && p.savedFrom == p.savedTo:
			empty = append(empty, g)
		default:
			p.touched = true
			m.changed = append(m.changed, g)
		}
	}
	m.table.Delete(empty)
	m.store.Free(m.loose)
	m.loose = m.loose[:0]
	return nil
}

// maxRows is how many rows an output batch has at most.
const maxRows = 16 << 10

// trim takes the rows before the first partial or complete match out.
func (m *Match) trim(p *part) {
	keep := p.first + int64(len(p.rows))
	for _, list := range [][]partial{p.partial, p.complete} {
		if len(list) > 0 {
			keep = min(keep, list[0].start)
		}
	}
	n := keep - p.first
	m.loose = append(m.loose, p.rows[:n]...)
	p.rows, p.times, p.first = slices.Delete(p.rows, 0, int(n)), slices.Delete(p.times, 0, int(n)), keep
}

// emit writes matches.
func (m *Match) emit(ctx context.Context, matches []found, out ops.Output) error {
	list := make([]binding, len(matches))
	first := make([]uint32, len(matches))
	for i, f := range matches {
		list[i], first[i] = f.binding, f.rows[0]
	}
	var cols []arrow.Array
	for _, k := range m.c.Partition {
		cols = append(cols, m.store.TakeColumn(m.alloc, k, first))
	}
	values, err := m.measures.eval(m, nil, nil, list)
	if err != nil {
		release(cols)
		return err
	}
	cols = append(cols, values...)
	b := stream.NewBatch(array.NewRecordBatch(m.out, cols, int64(len(matches))))
	release(cols)
	return out.Emit(ctx, ops.Main, b)
}

// Advance implements ops.Operator.
func (m *Match) Advance(ctx context.Context, wm stream.Watermark, out ops.Output) error {
	m.wm = max(m.wm, wm.Time)
	if m.c.WithinMillis == 0 || int64(m.wm) < m.deadline {
		return nil
	}
	m.deadline = math.MaxInt64
	var touched []uint32
	for _, g := range m.table.Live(nil) {
		p := &m.parts[g]
		if len(p.partial) == 0 {
			continue
		}
		before := len(p.partial)
		m.expire(p, int64(m.wm))
		if len(p.partial) < before {
			touched = append(touched, g)
			if err := m.release(p); err != nil {
				return err
			}
		}
		if len(p.partial) > 0 {
			m.deadline = min(m.deadline, p.times[p.partial[0].start-p.first]+m.c.WithinMillis)
		}
	}
	return m.finish(ctx, touched, out)
}

// expire gives up the partial matches that began too long before now.
func (m *Match) expire(p *part, now int64) {
	p.partial = slices.DeleteFunc(p.partial, func(x partial) bool {
		return now-m.c.WithinMillis >= p.times[x.start-p.first]
	})
}

// Flush implements ops.Operator.
func (m *Match) Flush(context.Context, stream.Epoch, ops.Output) error { return m.save() }

// Close implements ops.Operator.
func (m *Match) Close() error {
	for _, c := range m.conds {
		if c != nil {
			c.release()
		}
	}
	m.measures.release()
	m.store.Release()
	m.table.Free()
	return nil
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}

func release(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}
