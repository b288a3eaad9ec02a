package upsert

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Writer stages the rows of a changelog for a table with a primary key: a row
// takes the place of the one with its key, a deletion removes it. Of a key that
// changes more than once in a batch only the last row is written.
//
//	batch ─ index: where is the row of each key? ─┬─ new rows ─ fan ─ data files
//	                                              └─ old rows ─ positions to delete
//
// All rows of a key come to one task.
type Writer struct {
	table  Table
	id     ops.SinkID
	layout *write.Layout
	mem    memory.Allocator
	files  iceio.WriteFileIO
	viewer *viewer
	ctx    context.Context // of the files; ends with Close
	cancel context.CancelFunc
	keys   []int // columns of the batches

	index *index
	stage *write.Fan // of the epoch, nil before its first row

	gids    []uint32
	sel     vector.Sel
	written []uint32 // keys of the rows that are being written
}

var (
	_ ops.SinkWriter = (*Writer)(nil)
	_ write.Watcher  = (*Writer)(nil)
)

// Table says which table is written, and by which key.
type Table struct {
	Name string // for errors
	Key  Key
	Aim  catalog.Aim
	// Load opens the table as it is now.
	Load func(ctx context.Context) (*table.Table, error)
}

// NewWriter restores the index, or builds it from the rows that the table has.
// schema is that of the files of t.
func NewWriter(ctx context.Context, of Table, t *table.Table, schema *arrow.Schema, rt ops.Runtime) (*Writer, error) {
	task := rt.Task()
	u := &Writer{table: of, id: ops.SinkID{Job: string(task.Job), Sink: task.UID}, mem: rt.Allocator()}
	u.ctx, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	err := u.open(ctx, t, schema, rt)
	if err != nil {
		return nil, errors.Join(u.fail(err), u.Close())
	}
	return u, nil
}

func (u *Writer) open(ctx context.Context, t *table.Table, schema *arrow.Schema, rt ops.Runtime) (err error) {
	if u.layout, err = write.NewLayout(u.ctx, t, schema, catalog.SinkHash(u.id), u.mem); err != nil {
		return err
	}
	u.files = u.layout.Files
	u.viewer = &viewer{files: u.files}
	columns, err := u.table.Key.columnsIn(t)
	if err != nil {
		return err
	}
	for _, name := range u.table.Key.Names {
		u.keys = append(u.keys, u.table.Key.Columns.FieldIndices(name)[0])
	}
	if u.index, err = newIndex(rt, catalog.SinkHash(u.id), read.NewReader(u.ctx, t, u.files, u.mem), columns); err != nil {
		return err
	}
	if u.table.Key.Mode == ByEquality {
		return nil
	}
	if err := u.index.open(ctx); err != nil {
		return err
	}
	return u.look(ctx, t)
}

// look makes the index agree with the table.
func (u *Writer) look(ctx context.Context, t *table.Table) error {
	published, err := u.table.Aim.Published(t, u.id)
	if err != nil {
		return err
	}
	v, err := u.viewer.at(u.table.Aim.Head(t))
	if err != nil {
		return err
	}
	return u.index.look(ctx, v, published)
}

// Write implements ops.SinkWriter.
func (u *Writer) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	n := b.Len()
	for from := 0; from < n; from += write.MaxRows {
		to := min(from+write.MaxRows, n)
		part := b.Rows.NewSlice(int64(from), int64(to))
		var kinds []stream.RowKind
		if b.Kinds != nil {
			kinds = b.Kinds[from:to]
		}
		err := u.write(part, kinds)
		part.Release()
		if err != nil {
			return u.fail(err)
		}
	}
	return nil
}

func (u *Writer) write(rows arrow.RecordBatch, kinds []stream.RowKind) error {
	keys := make([]arrow.Array, len(u.keys))
	for i, k := range u.keys {
		if keys[i] = rows.Column(k); keys[i].NullN() > 0 {
			return fmt.Errorf("%w: a row has NULL in column %q of the primary key", job.ErrInvalid, u.table.Key.Names[i])
		}
	}
	u.gids = grown(u.gids, int(rows.NumRows()))
	gids := u.gids[:rows.NumRows()]
	u.index.table.FindOrInsert(keys, nil, gids)
	u.choose(gids, kinds)
	u.index.table.Mark(gids)
	if len(u.sel) == 0 {
		return nil
	}
	if len(u.sel) < len(gids) {
		rows = vector.TakeRecord(u.mem, rows, u.sel)
		defer rows.Release()
	}
	rec, err := schemas.ConvertRecord(u.mem, rows, u.layout.Schema)
	if err != nil {
		return err
	}
	if u.stage == nil {
		if u.stage, err = write.NewFan(u.layout, u); err != nil {
			rec.Release()
			return err
		}
	}
	return u.stage.Write(rec)
}

// choose deletes the rows that the keys of a batch have, and selects the rows
// that they get: the last of each.
func (u *Writer) choose(gids []uint32, kinds []stream.RowKind) {
	for i, gid := range gids {
		u.index.state(gid).next = uint32(i) + 1
	}
	u.sel, u.written = u.sel[:0], u.written[:0]
	for i, gid := range gids {
		s := u.index.state(gid)
		if s.next != uint32(i)+1 {
			continue
		}
		s.next = 0
		if s.at != 0 {
			u.index.delete(s.at)
			s.at = 0
		}
		if kinds == nil || !kinds[i].Retracts() {
			u.sel, u.written = append(u.sel, uint32(i)), append(u.written, gid)
		}
	}
}

// Placed implements write.Watcher.
func (u *Writer) Placed(f *write.File, first int64, sel vector.Sel) {
	if f.Number == 0 {
		f.Number = u.index.file(f.Path, fileWriting) + 1
	}
	number := f.Number - 1
	put := func(gid uint32, i int) { u.index.state(gid).at = rowAt(number, first+int64(i)) }
	if sel == nil {
		for i, gid := range u.written {
			put(gid, i)
		}
	} else {
		for i, row := range sel {
			put(u.written[row], i)
		}
	}
	if !u.layout.Sorts() {
		return
	}
	known := u.index.files[number]
	if sel == nil {
		known.arrivals = append(known.arrivals, u.written...)
	}
	for _, row := range sel {
		known.arrivals = append(known.arrivals, u.written[row])
	}
}

// Ordered implements write.Watcher.
func (u *Writer) Ordered(f *write.File, order vector.Sel) { u.index.ordered(f.Number-1, order) }

// Prepare implements ops.SinkWriter.
func (u *Writer) Prepare(ctx context.Context, e stream.Epoch, _ bool) ([]ops.Committable, error) {
	out, err := u.prepare(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("epoch %d: %w", e, u.fail(err))
	}
	return out, nil
}

func (u *Writer) prepare(ctx context.Context, e stream.Epoch) (out []ops.Committable, err error) {
	if err := u.refresh(ctx); err != nil {
		return nil, err
	}
	if u.stage != nil {
		files, err := u.stage.Finish()
		if err != nil {
			return nil, err
		}
		u.stage = nil
		for _, df := range files {
			c, err := write.Encode(u.layout.Table, df)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			known := u.index.files[u.index.byPath[df.FilePath()]]
			known.state, known.epoch = filePending, e
		}
	}
	if gone := u.index.take(); !gone.empty() {
		c, err := gone.committable(u.layout.Table, u.files, u.layout.Where, u.layout.Tag)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if u.table.Key.Mode == ByEquality {
		keys, err := u.equalities()
		return append(out, keys...), err
	}
	if err := u.index.stored.save(u.index); err != nil {
		return nil, err
	}
	u.index.forget()
	return out, nil
}

// refresh looks at what others have committed. While the catalog is away the
// index stays as it is: the committer finds what has moved.
func (u *Writer) refresh(ctx context.Context) error {
	if u.table.Key.Mode == ByEquality {
		return nil
	}
	t, err := u.table.Load(ctx)
	if err == nil {
		return u.look(ctx, t)
	}
	if errors.Is(err, job.ErrUnavailable) {
		return nil
	}
	return err
}

func (u *Writer) fail(err error) error { return write.Failed(u.table.Name, err) }

// Close implements ops.SinkWriter: files of an epoch that was not prepared are
// removed.
func (u *Writer) Close() error {
	u.cancel()
	if u.index != nil {
		u.index.close()
	}
	if u.stage == nil {
		return nil
	}
	files := u.stage.Abandon()
	u.stage = nil
	return write.Remove(u.layout.Table, files)
}
