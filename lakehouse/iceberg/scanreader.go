package iceberg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Reader implements ops.Source.
func (s *Source) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := c.load(ctx, s.target.database, s.target.table)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	files, err := t.FS(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("table %s: %w", s.target, err)
	}
	return &reader{source: s, table: t, files: files, mem: rt.Allocator(), ctx: ctx, cancel: cancel}, nil
}

// reader reads its splits one after the other.
type reader struct {
	source *Source
	table  *table.Table
	files  iceio.IO
	mem    memory.Allocator
	ctx    context.Context // of the open file; ends with Close
	cancel context.CancelFunc

	queue []ops.Split
	// at is the position in the first of queue, which file reads; dead are the
	// rows of the file called of.
	at   position
	file *scanFile
	dead *deadRows
	of   string
}

// Assign implements ops.SplitReader.
func (r *reader) Assign(splits []ops.Split) error {
	r.queue = append(r.queue, splits...)
	return nil
}

// Fetch implements ops.SplitReader.
func (r *reader) Fetch(context.Context) (ops.Fetched, error) {
	if len(r.queue) == 0 {
		return ops.Fetched{}, nil
	}
	split := r.queue[0]
	f, err := r.fetch(&split)
	if err != nil {
		return ops.Fetched{}, fmt.Errorf("read %s of table %s: %w", split.ID, r.source.target, classed(err))
	}
	if r.queue[0] = split; f.Done {
		r.closeFile()
		r.queue = r.queue[1:]
	}
	return f, nil
}

// classed says that an error without a class is one of the storage.
func classed(err error) error {
	if errors.Is(err, job.ErrInvalid) || errors.Is(err, job.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
}

func (r *reader) fetch(split *ops.Split) (ops.Fetched, error) {
	if r.file == nil {
		if err := r.openSplit(*split); err != nil {
			return ops.Fetched{}, err
		}
	}
	for {
		rec, first, err := r.file.next(r.ctx)
		if errors.Is(err, io.EOF) {
			return ops.Fetched{After: *split, Done: true}, nil
		}
		if err != nil {
			return ops.Fetched{}, err
		}
		out, err := r.shape(rec, first)
		rec.Release()
		if err != nil {
			return ops.Fetched{}, err
		}
		if out == nil {
			continue // all of it is deleted
		}
		r.at.Begun = true
		r.at.Group, r.at.Row = r.file.reader.Position()
		if split.Position, err = json.Marshal(r.at); err != nil {
			out.Release()
			return ops.Fetched{}, err
		}
		return ops.Fetched{Batch: stream.NewBatch(out), After: *split}, nil
	}
}

// openSplit opens the file of a split at its position.
func (r *reader) openSplit(split ops.Split) error {
	r.at = position{}
	if err := json.Unmarshal(split.Position, &r.at); err != nil {
		return fmt.Errorf("%w: its position: %w", job.ErrInvalid, err)
	}
	spec, schema, err := r.at.shape(r.table)
	if err != nil {
		return err
	}
	task, err := codec.DecodeFileScanTask(r.at.Task, *spec, schema, r.at.Version)
	if err != nil {
		return fmt.Errorf("%w: its position: %w", job.ErrInvalid, err)
	}
	if err := r.bury(task); err != nil {
		return err
	}
	r.file, err = openDataFile(r.ctx, r.files, task.File.FilePath(), r.layout(task, spec))
	if err != nil {
		return err
	}
	if err := r.file.start(r.mem, r.at.From, r.at.To); err != nil {
		return err
	}
	if r.at.Begun {
		return r.file.seek(r.at.Group, r.at.Row)
	}
	return nil
}

// bury reads the deletes of a task, unless they are known from its last split.
func (r *reader) bury(task table.FileScanTask) (err error) {
	if path := task.File.FilePath(); r.dead == nil || r.of != path {
		r.forget()
		r.dead, err = readDeletes(r.ctx, r.files, r.table, task, r.mem)
		r.of = path
	}
	return err
}

func (r *reader) forget() {
	if r.dead != nil {
		r.dead.free()
		r.dead = nil
	}
}

// layout is what is read of a task's file: the columns of the scan, and behind
// them those that tell which rows are deleted.
func (r *reader) layout(task table.FileScanTask, spec *ice.PartitionSpec) fileLayout {
	l := fileLayout{
		schema: r.source.schema, mapping: r.table.NameMapping(), columns: slices.Clone(r.source.read),
		constants: identities(task.File, spec), filter: r.source.filter,
	}
	for _, e := range r.dead.equal {
		e.at = e.at[:0]
		for _, c := range e.columns {
			e.at = append(e.at, len(l.columns))
			l.columns = append(l.columns, c)
		}
	}
	return l
}

// identities are the values of the identity partitions of a file, by the ids of
// their columns: files that were taken over from elsewhere may lack these.
func identities(f ice.DataFile, spec *ice.PartitionSpec) map[int]any {
	out := map[int]any{}
	for _, field := range spec.Fields() {
		if _, identity := field.Transform.(ice.IdentityTransform); identity {
			if v, there := f.Partition()[field.FieldID]; there {
				out[field.SourceID()] = v
			}
		}
	}
	return out
}

// shape leaves out the deleted rows of rec and gives its columns the declared
// types; nil when no row is left.
func (r *reader) shape(rec arrow.RecordBatch, first int64) (arrow.RecordBatch, error) {
	sel := r.dead.alive(rec, first)
	if sel != nil && len(sel) == 0 {
		return nil, nil
	}
	want := r.source.declared
	cols := make([]arrow.Array, 0, want.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	n := rec.NumRows()
	for i, f := range want.Fields() {
		col := rec.Column(i)
		col.Retain()
		if sel != nil {
			taken := vector.Take(r.mem, col, sel)
			col.Release()
			col = taken
		}
		out, err := convert(r.mem, col, f.Type)
		col.Release()
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		cols = append(cols, out)
	}
	if sel != nil {
		n = int64(len(sel))
	}
	return array.NewRecordBatch(want, cols, n), nil
}

func (r *reader) closeFile() {
	if r.file != nil {
		r.file.close()
		r.file = nil
	}
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.cancel()
	r.closeFile()
	r.forget()
	return nil
}
