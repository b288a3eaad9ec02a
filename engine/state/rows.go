package state

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/internal/mutant"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// rows are changes of a table, oldest first: of two with one key the later counts.
type rows struct {
	schema  *arrow.Schema
	keys    int
	rec     arrow.RecordBatch
	group   []uint16
	deleted []bool
	// dropped[i] is the time before which row i is forgotten when it expires;
	// expiry[i] is when. Both are nil without an expiry.
	dropped []stream.Timestamp
	expiry  []int64
	// sorted says that the rows are in order already, each key once.
	sorted bool
}

func (r *rows) release() { r.rec.Release() }

// take gathers rows by index.
func (r *rows) take(alloc memory.Allocator, order vector.Sel) arrow.RecordBatch {
	return vector.TakeRecord(alloc, r.rec, order)
}

// latest returns the rows that count, in the order (key group, key encoding):
// of each key the last one.
func (r *rows) latest(bugs mutant.Set) vector.Sel {
	n := len(r.group)
	order := make(vector.Sel, 0, n)
	if r.sorted {
		for i := range n {
			order = append(order, uint32(i))
		}
		return order
	}
	k := keyed{entries: make([]entry, n), later: !bugs.MergeReordered}
	k.arena, k.at = vector.AppendKeys(nil, make([]uint32, 1, n+1), r.rec.Columns()[:r.keys], n)
	for i := range n {
		k.entries[i] = entry{uint64(r.group[i]), uint32(i)}
	}
	k.sort(k.entries, 0)
	for i, e := range k.entries {
		if i+1 < n && r.group[k.entries[i+1].row] == r.group[e.row] && bytes.Equal(k.key(k.entries[i+1].row), k.key(e.row)) {
			continue // a later row has the key
		}
		order = append(order, e.row)
	}
	return order
}

// live leaves out tombstones and what has expired.
func (r *rows) live(order vector.Sel) vector.Sel {
	return r.filter(order, func(i uint32) bool { return !r.deleted[i] && !r.expired(i) })
}

// unexpired leaves out what has expired, but keeps tombstones.
func (r *rows) unexpired(order vector.Sel) vector.Sel {
	return r.filter(order, func(i uint32) bool { return r.deleted[i] || !r.expired(i) })
}

func (r *rows) filter(order vector.Sel, keep func(uint32) bool) vector.Sel {
	kept := order[:0]
	for _, i := range order {
		if keep(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

func (r *rows) expired(i uint32) bool {
	return r.expiry != nil && stream.Timestamp(r.expiry[i]) < r.dropped[i]
}

// lastExpiry is the latest expiry among the rows, or End when one of them must
// outlive its run: a tombstone, or a row that does not expire.
func (r *rows) lastExpiry(order vector.Sel) stream.Timestamp {
	if r.expiry == nil {
		return stream.End
	}
	last := stream.Start
	for _, i := range order {
		if r.deleted[i] {
			return stream.End
		}
		last = max(last, stream.Timestamp(r.expiry[i]))
	}
	return last
}

// expire reads the column of expiry. Rows without one never expire.
func (r *rows) expire(spec ops.TableSpec, dropped stream.Timestamp) {
	if spec.Expiry == "" {
		return
	}
	col := r.rec.Column(r.schema.FieldIndices(spec.Expiry)[0]).(*array.Int64)
	r.expiry = make([]int64, col.Len())
	r.dropped = make([]stream.Timestamp, col.Len())
	for i := range r.expiry {
		r.expiry[i], r.dropped[i] = int64(stream.End), dropped
		if col.IsValid(i) {
			r.expiry[i] = col.Value(i)
		}
	}
}

// concat joins parts, which are in order of age.
func concat(alloc memory.Allocator, parts []*rows) *rows {
	if len(parts) == 1 {
		return parts[0]
	}
	all := &rows{schema: parts[0].schema, keys: parts[0].keys}
	recs := make([]arrow.RecordBatch, len(parts))
	for i, p := range parts {
		recs[i] = p.rec
		all.group = append(all.group, p.group...)
		all.deleted = append(all.deleted, p.deleted...)
		all.dropped = append(all.dropped, p.dropped...)
		all.expiry = append(all.expiry, p.expiry...)
	}
	all.rec = vector.ConcatRecords(alloc, recs)
	for _, p := range parts {
		p.release()
	}
	return all
}

// load reads runs, oldest first.
func (t *table) load(ctx context.Context, from checkpoint.Store, runs []checkpoint.Run, dropped stream.Timestamp) (*rows, error) {
	var parts []*rows
	fail := func(err error) (*rows, error) {
		for _, p := range parts {
			p.release()
		}
		return nil, fmt.Errorf("load table %s of %s: %w", t.name, t.uid, err)
	}
	for _, r := range runs {
		data, err := fetchRun(ctx, from, r)
		if err != nil {
			return fail(err)
		}
		keep := &r.Groups
		if t.local {
			keep = nil
		}
		p, err := decodeRun(ctx, t.m.o.Allocator, r.File, data, *t.spec, keep)
		if err != nil {
			return fail(err)
		}
		p.sorted = true
		p.expire(*t.spec, max(dropped, r.DroppedBefore))
		parts = append(parts, p)
	}
	return concat(t.m.o.Allocator, parts), nil
}

// gather makes rows of the logs of some epochs, oldest first.
func (t *table) gather(logs []sealed, dropped stream.Timestamp) *rows {
	alloc := t.m.o.Allocator
	var parts []*rows
	for _, s := range logs {
		for _, c := range s.log {
			n := int(c.rows.NumRows())
			p := &rows{schema: t.spec.Schema, keys: t.spec.Keys, group: t.groups(c.rows), deleted: make([]bool, n)}
			if c.deleted {
				for i := range p.deleted {
					p.deleted[i] = true
				}
				p.rec = withoutValues(alloc, c.rows, t.spec.Schema)
			} else {
				// One schema for all parts: an operator's batches may differ in metadata.
				p.rec = array.NewRecordBatch(t.spec.Schema, c.rows.Columns(), int64(n))
			}
			p.expire(*t.spec, dropped)
			parts = append(parts, p)
		}
	}
	return concat(alloc, parts)
}

// groups are the key groups of rows, whose first columns are the table's keys.
func (t *table) groups(rec arrow.RecordBatch) []uint16 {
	if t.local {
		return make([]uint16, rec.NumRows())
	}
	hashes := vector.KeyHash(nil, rec.Columns()[:t.spec.Partition])
	return vector.KeyGroups(nil, hashes, t.m.o.KeyGroups)
}

// withoutValues gives keys the columns of schema, null but for the keys.
func withoutValues(alloc memory.Allocator, keys arrow.RecordBatch, schema *arrow.Schema) arrow.RecordBatch {
	n := int(keys.NumRows())
	cols := slices.Clone(keys.Columns())
	for _, f := range schema.Fields()[len(cols):] {
		col := nulls(alloc, f.Type, n)
		defer col.Release()
		cols = append(cols, col)
	}
	return array.NewRecordBatch(schema, cols, int64(n))
}

// nulls are n NULLs.
func nulls(alloc memory.Allocator, t arrow.DataType, n int) arrow.Array {
	b := array.NewBuilder(alloc, t)
	defer b.Release()
	b.AppendNulls(n)
	return b.NewArray()
}
