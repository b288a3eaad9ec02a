package iceberg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// Source reads one snapshot of a table: bounded. Its splits are the
// snapshot's data files, with the delete files that apply to them. The
// snapshot is chosen when the enumerator first looks; all splits are of it,
// whatever is committed meanwhile.
type Source struct {
	env     Env
	target  target
	paths   [][]string    // columns to read, by path
	roots   []string      // the top-level columns among them
	columns *arrow.Schema // of the batches
}

var _ ops.Source = (*Source)(nil)

func newSource(ctx context.Context, scan ops.Scan, env Env) (*Source, error) {
	to, err := parseTarget(scan.Table)
	if err != nil {
		return nil, err
	}
	s := &Source{env: env, target: to, paths: scan.Columns}
	schema := scan.Table.Schema.Schema
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := c.load(ctx, to.database, to.table)
	if err != nil {
		return nil, err
	}
	there, err := toEngine(t.Schema())
	if err != nil {
		return nil, fmt.Errorf("table %s: %w", to, err)
	}
	if schema == nil || schema.NumFields() == 0 {
		schema = there
	}
	if s.paths == nil {
		for _, f := range schema.Fields() {
			s.paths = append(s.paths, []string{f.Name})
		}
	}
	return s, s.bind(schema, there)
}

// bind finds the columns by their paths. declared gives their types, there
// those of the table.
func (s *Source) bind(declared, there *arrow.Schema) error {
	fields := make([]arrow.Field, len(s.paths))
	seen := map[string]bool{}
	for i, path := range s.paths {
		want, err := lookup(declared, path)
		if err != nil {
			return fmt.Errorf("table %s: %w", s.target, err)
		}
		have, err := lookup(there, path)
		if err != nil {
			return fmt.Errorf("table %s: %w", s.target, err)
		}
		if err := convertible(have.Type, want.Type); err != nil {
			return fmt.Errorf("table %s: column %q: %w", s.target, strings.Join(path, "."), err)
		}
		fields[i] = want
		if !seen[path[0]] {
			seen[path[0]] = true
			s.roots = append(s.roots, path[0])
		}
	}
	s.columns = arrow.NewSchema(fields, nil)
	return nil
}

// lookup finds the field at a path; it is nullable when any parent is.
func lookup(schema *arrow.Schema, path []string) (arrow.Field, error) {
	fields, nullable := schema.Fields(), false
	for depth, name := range path {
		found := false
		for _, f := range fields {
			if f.Name != name {
				continue
			}
			nullable = nullable || f.Nullable
			if depth == len(path)-1 {
				f.Nullable = nullable
				f.Name = strings.Join(path, ".")
				return f, nil
			}
			st, ok := f.Type.(*arrow.StructType)
			if !ok {
				return f, fmt.Errorf("%w: column %q is not a ROW", job.ErrInvalid, strings.Join(path[:depth+1], "."))
			}
			fields, found = st.Fields(), true
			break
		}
		if !found {
			return arrow.Field{}, fmt.Errorf("%w: there is no column %q; there are %q", job.ErrInvalid, strings.Join(path[:depth+1], "."), names(schema))
		}
	}
	return arrow.Field{}, fmt.Errorf("%w: empty path of a column", job.ErrInvalid)
}

func (s *Source) open(ctx context.Context) (*Catalog, error) {
	return Open(ctx, s.target.catalog, s.target.options, s.env)
}

// Schema implements ops.Source.
func (s *Source) Schema() *arrow.Schema { return s.columns }

// Bounded implements ops.Source.
func (s *Source) Bounded() bool { return true }

// Enumerator implements ops.Source.
func (s *Source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{source: s}
	if state != nil {
		if err := json.Unmarshal(state, &e.state); err != nil {
			return nil, fmt.Errorf("%w: state of the source of %s: %w", job.ErrInvalid, s.target, err)
		}
	}
	return e, nil
}

// enumerator plans the files of the snapshot once.
type enumerator struct {
	source *Source
	state  struct {
		Planned bool        `json:"planned"`
		Splits  []ops.Split `json:"splits,omitempty"`
	}
}

// position is the Position of a split.
type position struct {
	Snapshot int64 `json:"snapshot"`
	// Spec and Version are what the task is encoded with: the partition spec
	// of the file and the table's format version.
	Spec    int    `json:"spec"`
	Schema  int    `json:"schema"`
	Version int    `json:"version"`
	Task    []byte `json:"task"`
	// Row is the next row to read, counted after deletes.
	Row int64 `json:"row,omitempty"`
}

func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	if e.state.Planned {
		return true, nil
	}
	c, err := e.source.open(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	t, err := c.load(ctx, e.source.target.database, e.source.target.table)
	if err != nil {
		return false, err
	}
	splits, err := e.source.plan(ctx, t)
	if err != nil {
		return false, fmt.Errorf("plan the scan of table %s: %w", e.source.target, err)
	}
	e.state.Planned, e.state.Splits = true, splits
	return true, nil
}

func (s *Source) plan(ctx context.Context, t *table.Table) ([]ops.Split, error) {
	snapshot := t.CurrentSnapshot()
	if s.target.snapshot != nil {
		if snapshot = t.SnapshotByID(*s.target.snapshot); snapshot == nil {
			return nil, fmt.Errorf("%w: there is no snapshot %d; it may have expired", job.ErrInvalid, *s.target.snapshot)
		}
	}
	if snapshot == nil {
		return nil, nil
	}
	tasks, err := t.Scan(table.WithSnapshotID(snapshot.SnapshotID)).PlanFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	splits := make([]ops.Split, len(tasks))
	for i, task := range tasks {
		p := position{
			Snapshot: snapshot.SnapshotID, Spec: int(task.File.SpecID()),
			Schema: t.Schema().ID, Version: t.Metadata().Version(),
		}
		spec, schema, err := p.shape(t)
		if err != nil {
			return nil, err
		}
		if p.Task, err = codec.EncodeFileScanTask(task, *spec, schema, p.Version); err != nil {
			return nil, fmt.Errorf("describe data file %s: %w", task.File.FilePath(), err)
		}
		splits[i].ID = fmt.Sprintf("%s#%d", task.File.FilePath(), task.Start)
		if splits[i].Position, err = json.Marshal(p); err != nil {
			return nil, err
		}
	}
	return splits, nil
}

// shape finds the spec and the schema with which the task is encoded.
func (p position) shape(t *table.Table) (*ice.PartitionSpec, *ice.Schema, error) {
	for _, schema := range t.Metadata().Schemas() {
		if schema.ID != p.Schema {
			continue
		}
		for _, spec := range t.Metadata().PartitionSpecs() {
			if spec.ID() == p.Spec {
				return &spec, schema, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("%w: the table has lost schema %d or partition spec %d since the scan began", job.ErrInvalid, p.Schema, p.Spec)
}

func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.state.Splits))
	out := e.state.Splits[:n:n]
	e.state.Splits = e.state.Splits[n:]
	return out
}

func (e *enumerator) Return(splits []ops.Split) {
	e.state.Splits = append(splits[:len(splits):len(splits)], e.state.Splits...)
}

func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }
func (e *enumerator) Close() error              { return nil }

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
	ctx, cancel := context.WithCancel(compute.WithAllocator(context.WithoutCancel(ctx), rt.Allocator()))
	return &reader{source: s, table: t, mem: rt.Allocator(), ctx: ctx, cancel: cancel}, nil
}

// reader reads its splits one after the other.
type reader struct {
	source *Source
	table  *table.Table
	mem    memory.Allocator
	ctx    context.Context // of the open file; ends with Close
	cancel context.CancelFunc

	queue []ops.Split
	// at is the position in the first of queue, whose rows next gives.
	at   position
	next func() (arrow.RecordBatch, error, bool)
	stop func()
}

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
		return ops.Fetched{}, fmt.Errorf("read %s of table %s: %w", split.ID, r.source.target, err)
	}
	if f.Done {
		r.stop()
		r.next, r.stop = nil, nil
		r.queue = r.queue[1:]
	} else {
		r.queue[0] = split
	}
	return f, nil
}

func (r *reader) fetch(split *ops.Split) (ops.Fetched, error) {
	if r.next == nil {
		if err := r.start(*split); err != nil {
			return ops.Fetched{}, err
		}
	}
	rec, err, ok := r.next()
	if err != nil {
		if !errors.Is(err, job.ErrInvalid) && !errors.Is(err, job.ErrUnavailable) {
			err = fmt.Errorf("%w: %w", job.ErrUnavailable, err)
		}
		return ops.Fetched{}, err
	}
	if !ok {
		return ops.Fetched{After: *split, Done: true}, nil
	}
	defer rec.Release()
	out, err := r.project(rec)
	if err != nil {
		return ops.Fetched{}, err
	}
	r.at.Row += rec.NumRows()
	if split.Position, err = json.Marshal(r.at); err != nil {
		out.Release()
		return ops.Fetched{}, err
	}
	return ops.Fetched{Batch: stream.NewBatch(out), After: *split}, nil
}

// start opens the file of a split at its position.
func (r *reader) start(split ops.Split) error {
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
	scan := r.table.Scan(table.WithSnapshotID(r.at.Snapshot), table.WithSelectedFields(r.source.roots...),
		table.WithMaxConcurrency(1))
	_, records, err := scan.ReadTasks(r.ctx, []table.FileScanTask{task})
	if err != nil {
		return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	r.next, r.stop = iter.Pull2(skip(records, r.at.Row))
	return nil
}

// skip drops the first n rows.
func skip(records iter.Seq2[arrow.RecordBatch, error], n int64) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range records {
			if err == nil && n > 0 {
				rows := rec.NumRows()
				drop := min(n, rows)
				n -= drop
				rest := rec.NewSlice(drop, rows)
				rec.Release()
				if rec = rest; drop == rows {
					rec.Release()
					continue
				}
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// project takes the columns of the scan out of rec, in the engine's types.
func (r *reader) project(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	cols := make([]arrow.Array, 0, len(r.source.paths))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, path := range r.source.paths {
		at := rec.Schema().FieldIndices(path[0])
		if len(at) == 0 {
			return nil, fmt.Errorf("%w: the snapshot has no column %q", job.ErrInvalid, path[0])
		}
		col, err := descend(r.mem, rec.Column(at[0]), path[1:])
		if err != nil {
			return nil, err
		}
		out, err := convert(r.mem, col, r.source.columns.Field(i).Type)
		col.Release()
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", strings.Join(path, "."), err)
		}
		cols = append(cols, out)
	}
	return array.NewRecordBatch(r.source.columns, cols, rec.NumRows()), nil
}

// descend follows a path into ROW columns; a field of a row that is null is null.
func descend(mem memory.Allocator, col arrow.Array, path []string) (arrow.Array, error) {
	col.Retain()
	for _, name := range path {
		st := col.(*array.Struct)
		at, ok := st.DataType().(*arrow.StructType).FieldIdx(name)
		if !ok {
			col.Release()
			return nil, fmt.Errorf("%w: the snapshot has no field %q", job.ErrInvalid, name)
		}
		child := under(mem, st, st.Field(at))
		col.Release()
		col = child
	}
	return col, nil
}

// under gives child the nulls of its parent too.
func under(mem memory.Allocator, parent *array.Struct, child arrow.Array) arrow.Array {
	if parent.NullN() == 0 {
		child.Retain()
		return child
	}
	nulls := 0
	d := child.Data()
	bits := memory.NewResizableBuffer(mem)
	defer bits.Release()
	bits.Resize((d.Offset() + d.Len() + 7) / 8)
	clear(bits.Bytes())
	for i := range child.Len() {
		if parent.IsValid(i) && child.IsValid(i) {
			at := d.Offset() + i
			bits.Bytes()[at/8] |= 1 << (at % 8)
		} else {
			nulls++
		}
	}
	buffers := append([]*memory.Buffer{bits}, d.Buffers()[1:]...)
	data := array.NewData(d.DataType(), d.Len(), buffers, d.Children(), nulls, d.Offset())
	defer data.Release()
	return array.MakeFromData(data)
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.cancel()
	if r.stop != nil {
		r.stop()
	}
	return nil
}
