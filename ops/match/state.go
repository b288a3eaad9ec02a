package match

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector"
)

// state is the state tables.
type state struct {
	rows    ops.Table
	matches ops.Table
	rowsOf  *arrow.Schema
	matchOf *arrow.Schema
	keys    int // key columns of matches
}

// savedRow is a row that the state table has, by the place of its key.
type savedRow struct {
	part   uint32
	number int64
}

func (m *Match) openTables(rt ops.Runtime) error {
	var keys []arrow.Field
	for i, k := range m.c.Partition {
		f := m.in.Field(k)
		keys = append(keys, arrow.Field{Name: fmt.Sprintf("$key%d", i), Type: f.Type, Nullable: f.Nullable})
	}
	if len(keys) == 0 {
		keys = append(keys, arrow.Field{Name: "$all", Type: arrow.PrimitiveTypes.Int8})
	}
	s := &m.saved
	s.keys = len(keys)
	seq := arrow.Field{Name: "$seq", Type: arrow.PrimitiveTypes.Int64}
	s.rowsOf = arrow.NewSchema(append(append(slices.Clone(keys), seq), m.in.Fields()...), nil)
	s.matchOf = arrow.NewSchema(append(slices.Clone(keys), arrow.Field{Name: "$matches", Type: arrow.BinaryTypes.BinaryView}), nil)
	partition := len(m.c.Partition)
	var err error
	if s.rows, err = rt.Table(ops.TableSpec{Name: "rows", Schema: s.rowsOf, Keys: s.keys + 1, Partition: partition}); err != nil {
		return err
	}
	s.matches, err = rt.Table(ops.TableSpec{Name: "matches", Schema: s.matchOf, Keys: s.keys, Partition: partition})
	return err
}

// restore opens the state tables and loads them.
func (m *Match) restore(ctx context.Context, rt ops.Runtime) error {
	if err := m.openTables(rt); err != nil {
		return err
	}
	if err := m.restoreRows(ctx); err != nil {
		return err
	}
	for rec, err := range m.saved.matches.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore matches: %w", err)
		}
		m.find(rec)
		blobs := rec.Column(m.saved.keys).(*array.BinaryView)
		for i, g := range m.gids {
			p := &m.parts[g]
			if err := p.decode(blobs.Value(i)); err != nil {
				return err
			}
			p.saved = true
			if m.c.WithinMillis > 0 && len(p.partial) > 0 {
				m.deadline = min(m.deadline, p.times[p.partial[0].start-p.first]+m.c.WithinMillis)
			}
		}
	}
	return nil
}

// find finds the partitions of a record by its key columns.
func (m *Match) find(rec arrow.RecordBatch) {
	cols := make([]arrow.Array, len(m.types))
	for i, k := range m.c.Partition {
		cols[k] = rec.Column(i)
	}
	m.partitions(cols, int(rec.NumRows()))
}

func (m *Match) restoreRows(ctx context.Context) error {
	type row struct {
		id     uint32
		number int64
		time   int64
	}
	byPart := map[uint32][]row{}
	var order []uint32
	for rec, err := range m.saved.rows.Scan(ctx) {
		if err != nil {
			return fmt.Errorf("restore rows: %w", err)
		}
		m.find(rec)
		cols := rec.Columns()[m.saved.keys+1:]
		m.ids = grown(m.ids, int(rec.NumRows()))
		m.store.Append(cols, nil, m.ids)
		times := make([]int64, len(m.ids))
		if m.c.WithinMillis > 0 {
			times = vector.Millis(nil, cols[m.c.Time].(*array.Timestamp))
		}
		numbers := vector.Values[int64](rec.Column(m.saved.keys))
		for i, g := range m.gids {
			if byPart[g] == nil {
				order = append(order, g)
			}
			byPart[g] = append(byPart[g], row{m.ids[i], numbers[i], times[i]})
		}
	}
	for _, g := range order {
		rows := byPart[g]
		slices.SortFunc(rows, func(a, b row) int { return int(a.number - b.number) })
		p := &m.parts[g]
		p.first = rows[0].number
		for _, r := range rows {
			p.rows, p.times = append(p.rows, r.id), append(p.times, r.time)
		}
		p.savedTo = p.first + int64(len(rows))
		p.savedFrom = p.first
	}
	return nil
}

// save writes the partitions that have changed since the last call.
func (m *Match) save() error {
	var put, drop []uint32
	var gone, fresh []savedRow
	for _, g := range m.changed {
		p := &m.parts[g]
		p.touched = false
		for n := p.savedFrom; n < min(p.savedTo, p.first); n++ {
			gone = append(gone, savedRow{g, n})
		}
		end := p.first + int64(len(p.rows))
		for n := max(p.savedTo, p.first); n < end; n++ {
			fresh = append(fresh, savedRow{g, n})
		}
		p.savedFrom, p.savedTo = p.first, end
		switch {
		case len(p.rows) > 0:
			put = append(put, g)
			p.saved = true
		case p.saved:
			drop = append(drop, g)
			p.saved = false
		}
	}
	if err := m.saveRows(gone, fresh); err != nil {
		return err
	}
	if err := m.saveMatches(put, drop); err != nil {
		return err
	}
	m.forget()
	return nil
}

// forget removes the partitions without rows.
func (m *Match) forget() {
	var empty []uint32
	for _, g := range m.changed {
		if len(m.parts[g].rows) == 0 {
			empty = append(empty, g)
		}
	}
	m.table.Delete(empty)
	m.changed = m.changed[:0]
}

func (m *Match) saveRows(gone, fresh []savedRow) error {
	for from := 0; from < len(gone); from += maxRows {
		rec := m.rowRecord(gone[from:min(from+maxRows, len(gone))], false)
		err := m.saved.rows.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("delete from rows: %w", err)
		}
	}
	for from := 0; from < len(fresh); from += maxRows {
		rec := m.rowRecord(fresh[from:min(from+maxRows, len(fresh))], true)
		err := m.saved.rows.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	return nil
}

// rowRecord is rows as the state table has them, or their keys alone.
func (m *Match) rowRecord(rows []savedRow, whole bool) arrow.RecordBatch {
	gids := make([]uint32, len(rows))
	ids := make([]uint32, len(rows))
	buf, numbers := vector.NewValues[int64](m.alloc, len(rows))
	for i, r := range rows {
		gids[i], numbers[i] = r.part, r.number
		if whole {
			p := &m.parts[r.part]
			ids[i] = p.rows[r.number-p.first]
		}
	}
	cols := append(m.keysOf(gids), vector.MakeArray(arrow.PrimitiveTypes.Int64, len(rows), 0, nil, buf))
	if whole {
		cols = append(cols, m.store.Take(m.alloc, ids)...)
	}
	defer release(cols)
	return array.NewRecordBatch(arrow.NewSchema(m.saved.rowsOf.Fields()[:len(cols)], nil), cols, int64(len(rows)))
}

// keysOf are the key columns of partitions.
func (m *Match) keysOf(gids []uint32) []arrow.Array {
	if len(m.c.Partition) > 0 {
		return m.table.Keys(m.alloc, gids)
	}
	b := array.NewInt8Builder(memory.DefaultAllocator)
	defer b.Release()
	for range gids {
		b.Append(0)
	}
	return []arrow.Array{b.NewArray()}
}

func (m *Match) saveMatches(put, drop []uint32) error {
	for from := 0; from < len(put); from += maxRows {
		part := put[from:min(from+maxRows, len(put))]
		b := array.NewBinaryViewBuilder(m.alloc)
		for _, g := range part {
			b.Append(m.parts[g].encode(nil))
		}
		cols := append(m.keysOf(part), b.NewArray())
		b.Release()
		rec := array.NewRecordBatch(m.saved.matchOf, cols, int64(len(part)))
		release(cols)
		err := m.saved.matches.Upsert(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("write matches: %w", err)
		}
	}
	for from := 0; from < len(drop); from += maxRows {
		part := drop[from:min(from+maxRows, len(drop))]
		cols := m.keysOf(part)
		rec := array.NewRecordBatch(arrow.NewSchema(m.saved.matchOf.Fields()[:m.saved.keys], nil), cols, int64(len(part)))
		release(cols)
		err := m.saved.matches.Delete(rec)
		rec.Release()
		if err != nil {
			return fmt.Errorf("delete from matches: %w", err)
		}
	}
	return nil
}

// encode appends the partition's matches: how many are partial and complete,
// and of each where it began, its part of the pattern, the rows that has, and
// its variables, all as varints.
func (p *part) encode(dst []byte) []byte {
	dst = binary.AppendVarint(dst, p.first)
	for _, list := range [][]partial{p.partial, p.complete} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, x := range list {
			dst = binary.AppendVarint(dst, x.start)
			dst = binary.AppendUvarint(dst, uint64(x.at))
			dst = binary.AppendUvarint(dst, uint64(x.count))
			dst = binary.AppendUvarint(dst, uint64(len(x.vars)))
			dst = append(dst, x.vars...)
		}
	}
	return dst
}

func (p *part) decode(b []byte) error {
	r := &varints{b: b}
	p.first = r.signed()
	for _, list := range []*[]partial{&p.partial, &p.complete} {
		for range r.unsigned() {
			x := partial{start: r.signed(), at: int(r.unsigned()), count: int(r.unsigned())}
			x.vars = r.bytes(int(r.unsigned()))
			*list = append(*list, x)
		}
	}
	if r.bad {
		return fmt.Errorf("restore matches: %d bytes that are none", len(b))
	}
	return nil
}

// varints reads what encode wrote.
type varints struct {
	b   []byte
	bad bool
}

func (r *varints) signed() int64 {
	v, n := binary.Varint(r.b)
	return v * int64(r.skip(n))
}

func (r *varints) unsigned() uint64 {
	v, n := binary.Uvarint(r.b)
	return v * uint64(r.skip(n))
}

// skip goes on by n bytes and gives 1, or 0 when they are not there.
func (r *varints) skip(n int) int {
	if n <= 0 || n > len(r.b) {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return 1
}

func (r *varints) bytes(n int) []byte {
	out := slices.Clone(r.b[:min(max(n, 0), len(r.b))])
	if n > 0 {
		r.skip(n)
	}
	return out
}
