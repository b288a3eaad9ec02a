package iceberg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/documents"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// maxTables is how many tables a writer has files open of; above that, those of
// the table that was written least recently end.
const maxTables = 64

// dynamicWriter divides rows by the table that they name.
type dynamicWriter struct {
	sink    *DynamicSink
	rt      ops.Runtime
	mem     memory.Allocator
	catalog *catalog.Catalog
	ctx     context.Context // of the tables
	cancel  context.CancelFunc
	refused ops.Counter

	keys   *hashtable.Table // of routes
	routes []name           // by number in keys
	tables map[name]*grower
	clock  int64 // counts writes
	docs   documents.Documents

	gids    []uint32
	local   []int32 // by number in keys, or -1
	present []uint32
	targets []uint16
	sels    []vector.Sel
}

var _ ops.SinkWriter = (*dynamicWriter)(nil)

// grower writes one table.
type grower struct {
	name    name
	table   *table.Table // nil before it is there
	columns *documents.Outline
	writer  *write.Writer     // nil before the first rows, and after the columns have changed
	done    []ops.Committable // of files that ended within the epoch
	used    int64
}

// Writer implements ops.Sink.
func (s *DynamicSink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	c, err := s.sink.open(ctx)
	if err != nil {
		return nil, err
	}
	w := &dynamicWriter{sink: s, rt: rt, mem: rt.Allocator(), catalog: c, refused: rt.Counter("numRecordsSendErrors"), tables: map[name]*grower{}}
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	var types []arrow.DataType
	for _, c := range s.route {
		if c >= 0 {
			types = append(types, arrow.BinaryTypes.StringView)
		}
	}
	w.keys, err = hashtable.New(hashtable.Options{}, types, 0)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Write implements ops.SinkWriter.
func (w *dynamicWriter) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	for i := range b.Kinds {
		if k := b.Kinds[i]; k != stream.Insert && k != stream.UpdateAfter {
			return fmt.Errorf("write to table %s: %w: a row of kind %s; the sink only appends", w.sink.declare.Ident, job.ErrInvalid, k)
		}
	}
	for from := int64(0); from < b.Rows.NumRows(); from += write.MaxRows {
		part := b.Rows.NewSlice(from, min(from+write.MaxRows, b.Rows.NumRows()))
		err := w.write(ctx, part)
		part.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *dynamicWriter) write(ctx context.Context, rec arrow.RecordBatch) error {
	w.divide(rec)
	if len(w.present) == 1 {
		return w.into(ctx, w.routes[w.present[0]], rec)
	}
	var err error
	for i, part := range vector.Scatter(w.mem, rec, w.sels) {
		if err == nil {
			err = w.into(ctx, w.routes[w.present[i]], part)
		}
		part.Release()
	}
	return err
}

// divide finds where the rows go: present, and the rows of each.
func (w *dynamicWriter) divide(rec arrow.RecordBatch) {
	n := int(rec.NumRows())
	var cols []arrow.Array
	for _, c := range w.sink.route {
		if c >= 0 {
			cols = append(cols, rec.Column(c))
		}
	}
	if cap(w.gids) < n {
		w.gids, w.targets = make([]uint32, n), make([]uint16, n)
	}
	gids, targets := w.gids[:n], w.targets[:n]
	w.keys.FindOrInsert(cols, nil, gids)
	for len(w.local) < w.keys.Gids() {
		w.local, w.routes = append(w.local, -1), append(w.routes, name{})
	}
	w.present = w.present[:0]
	for i, g := range gids {
		if w.local[g] < 0 {
			w.local[g] = int32(len(w.present))
			w.present = append(w.present, g)
			w.routes[g] = w.routeOf(rec, i)
		}
		targets[i] = uint16(w.local[g])
	}
	for _, g := range w.present {
		w.local[g] = -1
	}
	if len(w.present) > 1 {
		w.sels = vector.Partition(w.sels, targets, len(w.present))
	}
}

// routeOf is where a row goes.
func (w *dynamicWriter) routeOf(rec arrow.RecordBatch, row int) name {
	var texts [3]string
	for i, c := range w.sink.route {
		if c >= 0 && rec.Column(c).IsValid(row) {
			texts[i] = rec.Column(c).(*array.StringView).Value(row)
		}
	}
	n := w.sink.named(texts[0], texts[1], texts[2])
	return name{database: string([]byte(n.database)), table: string([]byte(n.table)), branch: string([]byte(n.branch))}
}

// into writes rows that go to one table.
func (w *dynamicWriter) into(ctx context.Context, n name, rec arrow.RecordBatch) error {
	if n.table == "" || n.database == "" {
		return w.refuse(ctx, rec, nil, "the row names no table")
	}
	if n == w.sink.errors {
		return w.refuse(ctx, rec, nil, "the table is that of rows that do not fit")
	}
	g, err := w.open(ctx, n)
	if err != nil {
		return wrote(n, err)
	}
	good, roots, err := w.fit(ctx, g, rec)
	if err != nil || len(good) == 0 {
		return err
	}
	if len(good) < int(rec.NumRows()) {
		rec = vector.TakeRecord(w.mem, rec, good)
		defer rec.Release()
		for i, row := range good[:min(len(good), len(roots))] {
			roots[i] = roots[row]
		}
	}
	out, err := w.build(g, rec, roots)
	if err != nil {
		return wrote(n, err)
	}
	return wrote(n, w.stage(g, out))
}

// open finds a table. One that is not there gets its columns from the rows.
func (w *dynamicWriter) open(ctx context.Context, n name) (*grower, error) {
	w.clock++
	g := w.tables[n]
	if g == nil {
		t, err := w.catalog.Load(ctx, n.database, n.table)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return nil, err
		}
		g = &grower{name: n}
		if err == nil {
			if err := w.sink.of(n).aim.Check(t, nil); err != nil {
				return nil, err
			}
			g.table = t
			g.columns = documents.OutlineOf(t.Schema())
		} else {
			g.columns = documents.OutlineOf(nil)
		}
		w.tables[n] = g
	}
	g.used = w.clock
	return g, nil
}

// stage adds rows to the files of a table. It owns rec.
func (w *dynamicWriter) stage(g *grower, rec arrow.RecordBatch) error {
	if err := g.writer.Append(rec); err != nil {
		return err
	}
	open := 0
	var oldest *grower
	for _, o := range w.tables {
		if o.writer != nil && o.writer.Staging() {
			open++
			if oldest == nil || o.used < oldest.used {
				oldest = o
			}
		}
	}
	if open > maxTables {
		return oldest.end(0)
	}
	return nil
}

// end closes the files of a table.
func (g *grower) end(e stream.Epoch) error {
	if g.writer == nil {
		return nil
	}
	more, err := g.writer.Seal(e)
	for _, c := range more {
		g.done = append(g.done, g.name.wrap(c))
	}
	return err
}

// Prepare implements ops.SinkWriter.
func (w *dynamicWriter) Prepare(_ context.Context, e stream.Epoch, _ bool) ([]ops.Committable, error) {
	var out []ops.Committable
	for _, n := range slices.SortedFunc(maps.Keys(w.tables), name.compare) {
		g := w.tables[n]
		if err := g.end(e); err != nil {
			return nil, err
		}
		out = append(out, g.done...)
		if len(g.done) == 0 && len(w.tables) > 4*maxTables {
			if g.writer != nil {
				if err := g.writer.Close(); err != nil {
					return nil, err
				}
			}
			delete(w.tables, n)
		}
		g.done = nil
	}
	return out, nil
}

// Close implements ops.SinkWriter.
func (w *dynamicWriter) Close() error {
	var err error
	for _, g := range w.tables {
		if g.writer != nil {
			err = errors.Join(err, g.writer.Close())
		}
	}
	if w.keys != nil {
		w.keys.Free()
	}
	w.cancel()
	return errors.Join(err, w.catalog.Close())
}

// wrote says which table could not be written; nil is no error.
func wrote(n name, err error) error {
	if err == nil {
		return nil
	}
	return write.Failed(n.String(), err)
}
