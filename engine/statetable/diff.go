package statetable

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/rowstore"
)

// Difference is how one table differs between two checkpoints.
type Difference struct {
	UID, Table string
	// Vertex is the name of the operator.
	Vertex string
	// The rows whose key only the later has, only the earlier has, and both have
	// with other values.
	Added, Removed, Changed int64
	// Begins are the columns that only the later has, Ends those that only the
	// earlier has. They do not make a row differ.
	Begins, Ends []string
}

// Equal reports whether the table is the same in both.
func (d Difference) Equal() bool {
	return d.Added+d.Removed+d.Changed == 0 && len(d.Begins)+len(d.Ends) == 0
}

// ChangedRows takes rows that differ, with how: those of the earlier checkpoint are
// taken back, those of the later are added. All rows of a table have one schema,
// and are valid until it returns.
type ChangedRows func(d Difference, rows arrow.RecordBatch, kinds []stream.RowKind) error

// Compare compares the tables of two checkpoints, of one job or of several whose
// operators have the same UIDs. Rows, if not nil, gets every row that differs.
//
// Of each row of the earlier, a hash of its key and one of its values is kept; the
// later is read beside them. A table whose runs are the same is not read.
//
//	earlier ─► {key: values}  ◄─ later   +I no such key, +U other values
//	earlier ─► what is left              -D never met,   -U other values
func Compare(ctx context.Context, earlier, later Checkpoint, alloc memory.Allocator, rows ChangedRows) ([]Difference, error) {
	names := map[string]string{}
	for _, v := range append(slices.Clone(earlier.Vertices), later.Vertices...) {
		names[v.UID] = v.Name
	}
	var all []Difference
	for _, t := range joined(earlier, later) {
		c := comparison{alloc: alloc, rows: rows, Difference: Difference{UID: t.UID, Table: t.Name, Vertex: names[t.UID]}}
		if err := c.compare(ctx, earlier, later); err != nil {
			return nil, fmt.Errorf("compare table %s of %s: %w", t.Name, t.UID, err)
		}
		all = append(all, c.Difference)
	}
	return all, nil
}

// joined are the tables that either has.
func joined(a, b Checkpoint) []checkpoint.TableState {
	all := a.Tables()
	for _, t := range b.Tables() {
		if !slices.ContainsFunc(all, func(o checkpoint.TableState) bool { return o.UID == t.UID && o.Name == t.Name }) {
			all = append(all, t)
		}
	}
	return all
}

// comparison is that of one table.
type comparison struct {
	Difference
	alloc memory.Allocator
	rows  ChangedRows

	schema *arrow.Schema // of the rows that are shown
	keys   int
	// compared are the columns behind the key whose values are.
	compared []string
	known    map[xxh3.Uint128]known
}

// known is a row of the earlier checkpoint.
type known struct {
	values uint64
	fate   fate
}

// fate is what has become of a row.
type fate uint8

const (
	gone fate = iota // until it is met
	same
	other
)

func (c *comparison) compare(ctx context.Context, earlier, later Checkpoint) error {
	old, now := earlier.parts(c.UID, c.Table), later.parts(c.UID, c.Table)
	if slices.EqualFunc(old, now, equalRuns) {
		return nil
	}
	if err := c.columns(ctx, earlier, later, old, now); err != nil {
		return err
	}
	c.known = map[xxh3.Uint128]known{}
	err := c.scan(ctx, earlier, old, func(_ arrow.RecordBatch, keys []xxh3.Uint128, values []uint64) error {
		for i, k := range keys {
			c.known[k] = known{values: values[i]}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := c.scan(ctx, later, now, c.meet); err != nil {
		return err
	}
	for _, k := range c.known {
		if k.fate == gone {
			c.Removed++
		}
	}
	if c.rows == nil || c.Removed+c.Changed == 0 {
		return nil
	}
	return c.scan(ctx, earlier, old, c.takeBack)
}

// parts are those of a table, or none.
func (c Checkpoint) parts(uid, table string) []checkpoint.TableState {
	parts, err := c.Parts(uid, table)
	if err != nil {
		return nil
	}
	return parts
}

func equalRuns(a, b checkpoint.TableState) bool {
	return a.DroppedBefore == b.DroppedBefore && slices.EqualFunc(a.Runs, b.Runs, func(x, y checkpoint.Run) bool {
		return x.File == y.File && x.Groups == y.Groups && x.DroppedBefore == y.DroppedBefore
	})
}

// columns finds out what is compared and what is shown.
func (c *comparison) columns(ctx context.Context, earlier, later Checkpoint, old, now []checkpoint.TableState) error {
	var was, is []arrow.Field
	var err error
	if len(old) > 0 {
		if was, c.keys, err = state.Fields(ctx, earlier.Store, old[0], c.alloc); err != nil {
			return err
		}
	}
	if len(now) > 0 {
		if is, c.keys, err = state.Fields(ctx, later.Store, now[0], c.alloc); err != nil {
			return err
		}
	}
	if len(now) == 0 || len(old) == 0 { // there is nothing to compare with
		c.schema = arrow.NewSchema(append(was, is...), nil)
		return nil
	}
	has := func(all []arrow.Field, f arrow.Field) bool {
		return slices.ContainsFunc(all, func(o arrow.Field) bool { return o.Name == f.Name && arrow.TypeEqual(o.Type, f.Type) })
	}
	for i, f := range is {
		switch {
		case !has(was, f):
			c.Begins = append(c.Begins, f.Name)
		case i >= c.keys:
			c.compared = append(c.compared, f.Name)
		}
	}
	for _, f := range was {
		if !has(is, f) {
			c.Ends = append(c.Ends, f.Name)
		}
	}
	c.schema = arrow.NewSchema(is, nil)
	return nil
}

// scan reads the parts of a table, with hashes of the keys and of the values that
// are compared.
func (c *comparison) scan(ctx context.Context, from Checkpoint, parts []checkpoint.TableState, each func(rec arrow.RecordBatch, keys []xxh3.Uint128, values []uint64) error) error {
	var keys []xxh3.Uint128
	var values []uint64
	key := make([]byte, 0, 256)
	for i, part := range parts {
		for rec, err := range state.Read(ctx, from.Store, part, nil, c.alloc) {
			if err != nil {
				return err
			}
			prefix := key[:0]
			if part.Local { // its keys are the task's own
				prefix = fmt.Appendf(prefix, "%d ", i)
			}
			keys, values = keys[:0], values[:0]
			c.each(rec, rec.Columns()[:c.keys], func(row []byte) {
				key = append(prefix, row...)
				keys = append(keys, xxh3.Hash128(key))
			})
			c.each(rec, c.valuesOf(rec), func(row []byte) { values = append(values, xxh3.Hash(row)) })
			if err := each(rec, keys, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// valuesOf are the columns that are compared.
func (c *comparison) valuesOf(rec arrow.RecordBatch) []arrow.Array {
	cols := make([]arrow.Array, 0, len(c.compared))
	for _, name := range c.compared {
		if at := rec.Schema().FieldIndices(name); len(at) == 1 {
			cols = append(cols, rec.Column(at[0]))
		}
	}
	return cols
}

// each calls f with the bytes that stand for the columns of each row.
func (c *comparison) each(rec arrow.RecordBatch, cols []arrow.Array, f func([]byte)) {
	n := int(rec.NumRows())
	plain := slices.Clone(cols)
	for i, col := range plain {
		if !vector.IsKey(col.DataType()) {
			plain[i] = rowstore.Encode(c.alloc, col)
			defer plain[i].Release()
		}
	}
	data, ends := vector.AppendKeys(nil, make([]uint32, 0, n), plain, n)
	from := uint32(0)
	for _, to := range ends {
		f(data[from:to])
		from = to
	}
}

// meet compares rows of the later checkpoint with what is known.
func (c *comparison) meet(rec arrow.RecordBatch, keys []xxh3.Uint128, values []uint64) error {
	var sel vector.Sel
	var kinds []stream.RowKind
	for i, key := range keys {
		k, ok := c.known[key]
		switch {
		case !ok:
			c.Added++
			sel, kinds = append(sel, uint32(i)), append(kinds, stream.Insert)
			continue
		case k.values == values[i]:
			k.fate = same
		default:
			k.fate = other
			c.Changed++
			sel, kinds = append(sel, uint32(i)), append(kinds, stream.UpdateAfter)
		}
		c.known[key] = k
	}
	return c.show(rec, sel, kinds)
}

// takeBack shows the rows of the earlier checkpoint that the later has not.
func (c *comparison) takeBack(rec arrow.RecordBatch, keys []xxh3.Uint128, _ []uint64) error {
	var sel vector.Sel
	var kinds []stream.RowKind
	for i, key := range keys {
		switch c.known[key].fate {
		case gone:
			sel, kinds = append(sel, uint32(i)), append(kinds, stream.Delete)
		case other:
			sel, kinds = append(sel, uint32(i)), append(kinds, stream.UpdateBefore)
		case same:
		}
	}
	return c.show(rec, sel, kinds)
}

func (c *comparison) show(rec arrow.RecordBatch, sel vector.Sel, kinds []stream.RowKind) error {
	if c.rows == nil || len(sel) == 0 {
		return nil
	}
	some := vector.TakeRecord(c.alloc, rec, sel)
	defer some.Release()
	cols := make([]arrow.Array, c.schema.NumFields())
	for i, f := range c.schema.Fields() {
		if at := rec.Schema().FieldIndices(f.Name); len(at) == 1 && arrow.TypeEqual(rec.Schema().Field(at[0]).Type, f.Type) {
			cols[i] = some.Column(at[0])
			continue
		}
		b := array.NewBuilder(c.alloc, f.Type)
		b.AppendNulls(len(sel))
		cols[i] = b.NewArray()
		defer cols[i].Release()
		b.Release()
	}
	out := array.NewRecordBatch(c.schema, cols, int64(len(sel)))
	defer out.Release()
	return c.rows(c.Difference, out, kinds)
}

// String says how the table differs.
func (d Difference) String() string {
	if d.Equal() {
		return "equal"
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{d.Added, "added"}, {d.Removed, "removed"}, {d.Changed, "changed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprint(p.n, " ", p.what))
		}
	}
	if len(d.Begins) > 0 {
		parts = append(parts, "new columns "+strings.Join(d.Begins, ", "))
	}
	if len(d.Ends) > 0 {
		parts = append(parts, "columns gone "+strings.Join(d.Ends, ", "))
	}
	return strings.Join(parts, ", ")
}
