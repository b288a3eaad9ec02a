package iceberg

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// upserter stages the rows of a changelog for a table with a primary key: a row
// takes the place of the one with its key, a deletion removes it. Of a key that
// changes more than once in a batch only the last row is written.
//
//	batch ─ index: where is the row of each key? ─┬─ new rows ─ fan ─ data files
//	                                              └─ old rows ─ positions to delete
//
// All rows of a key come to one task.
type upserter struct {
	sink   *Sink
	id     ops.SinkID
	layout *layout
	mem    memory.Allocator
	files  iceio.WriteFileIO
	viewer *viewer
	ctx    context.Context // of the files; ends with Close
	cancel context.CancelFunc
	keys   []int // columns of the batches

	index *index
	stage *fan // of the epoch, nil before its first row

	gids    []uint32
	sel     vector.Sel
	written []uint32 // keys of the rows that are being written
}

var (
	_ ops.SinkWriter = (*upserter)(nil)
	_ watcher        = (*upserter)(nil)
)

// newUpserter restores the index, or builds it from the rows that the table has.
func newUpserter(ctx context.Context, s *Sink, t *table.Table, schema *arrow.Schema, rt ops.Runtime) (*upserter, error) {
	task := rt.Task()
	u := &upserter{sink: s, id: ops.SinkID{Job: string(task.Job), Sink: task.UID}, mem: rt.Allocator()}
	u.ctx, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	err := u.open(ctx, t, schema, rt)
	if err != nil {
		return nil, errors.Join(u.fail(err), u.Close())
	}
	return u, nil
}

func (u *upserter) open(ctx context.Context, t *table.Table, schema *arrow.Schema, rt ops.Runtime) (err error) {
	if u.layout, err = newLayout(u.ctx, t, schema, sinkHash(u.id), u.mem); err != nil {
		return err
	}
	u.files = u.layout.files
	u.viewer = &viewer{files: u.files}
	columns, err := u.sink.keyColumns(t)
	if err != nil {
		return err
	}
	for _, name := range u.sink.key {
		u.keys = append(u.keys, u.sink.columns.FieldIndices(name)[0])
	}
	if u.index, err = newIndex(rt, sinkHash(u.id), newKeyReader(t, columns, u.mem)); err != nil {
		return err
	}
	if u.sink.mode == byEquality {
		return nil
	}
	if err := u.index.open(ctx); err != nil {
		return err
	}
	return u.look(ctx, t)
}

// look makes the index agree with the table.
func (u *upserter) look(ctx context.Context, t *table.Table) error {
	published, err := publishedBy(t, u.sink, u.id)
	if err != nil {
		return err
	}
	v, err := u.viewer.at(u.sink.aim.head(t))
	if err != nil {
		return err
	}
	return u.index.look(ctx, v, u.files, published)
}

// Write implements ops.SinkWriter.
func (u *upserter) Write(_ context.Context, b *stream.Batch) error {
	defer b.Release()
	n := b.Len()
	for from := 0; from < n; from += maxRows {
		to := min(from+maxRows, n)
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

func (u *upserter) write(rows arrow.RecordBatch, kinds []stream.RowKind) error {
	keys := make([]arrow.Array, len(u.keys))
	for i, k := range u.keys {
		if keys[i] = rows.Column(k); keys[i].NullN() > 0 {
			return fmt.Errorf("%w: a row has NULL in column %q of the primary key", job.ErrInvalid, u.sink.key[i])
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
	rec, err := convertRecord(u.mem, rows, u.layout.schema)
	if err != nil {
		return err
	}
	if u.stage == nil {
		if u.stage, err = newFan(u.layout, u); err != nil {
			rec.Release()
			return err
		}
	}
	return u.stage.write(rec)
}

// choose deletes the rows that the keys of a batch have, and selects the rows
// that they get: the last of each.
func (u *upserter) choose(gids []uint32, kinds []stream.RowKind) {
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

// placed implements watcher.
func (u *upserter) placed(f *openFile, first int64, sel vector.Sel) {
	if f.number == 0 {
		f.number = u.index.file(f.path, fileWriting) + 1
	}
	number := f.number - 1
	put := func(gid uint32, i int) { u.index.state(gid).at = placeOf(number, first+int64(i)) }
	if sel == nil {
		for i, gid := range u.written {
			put(gid, i)
		}
	} else {
		for i, row := range sel {
			put(u.written[row], i)
		}
	}
	if len(u.layout.sorted) == 0 {
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

// ordered implements watcher.
func (u *upserter) ordered(f *openFile, order vector.Sel) { u.index.ordered(f.number-1, order) }

// Prepare implements ops.SinkWriter.
func (u *upserter) Prepare(ctx context.Context, e stream.Epoch, _ bool) ([]ops.Committable, error) {
	out, err := u.prepare(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("epoch %d: %w", e, u.fail(err))
	}
	return out, nil
}

func (u *upserter) prepare(ctx context.Context, e stream.Epoch) (out []ops.Committable, err error) {
	if err := u.refresh(ctx); err != nil {
		return nil, err
	}
	if u.stage != nil {
		files, err := u.stage.finish()
		if err != nil {
			return nil, err
		}
		u.stage = nil
		for _, df := range files {
			c, err := encodeCommittable(u.layout.table, df)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			known := u.index.files[u.index.byPath[df.FilePath()]]
			known.state, known.epoch = filePending, e
		}
	}
	if gone := u.index.take(); !gone.empty() {
		c, err := gone.committable(u.layout.table, u.files, u.layout.where, u.layout.tag)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if u.sink.mode == byEquality {
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
func (u *upserter) refresh(ctx context.Context) error {
	if u.sink.mode == byEquality {
		return nil
	}
	c, err := u.sink.open(ctx)
	if err == nil {
		var t *table.Table
		t, err = c.load(ctx, u.sink.target.database, u.sink.target.table)
		err = errors.Join(err, c.Close())
		if err == nil {
			return u.look(ctx, t)
		}
	}
	if errors.Is(err, job.ErrUnavailable) {
		return nil
	}
	return err
}

func (u *upserter) fail(err error) error { return failed(u.sink.target.String(), err) }

// Close implements ops.SinkWriter: files of an epoch that was not prepared are
// removed.
func (u *upserter) Close() error {
	u.cancel()
	if u.index != nil {
		u.index.close()
	}
	if u.stage == nil {
		return nil
	}
	files := u.stage.abandon()
	u.stage = nil
	return removeFiles(u.layout.table, files)
}
