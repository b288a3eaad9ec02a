package upsert

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// indexTables is the state of an index.
type indexTables struct {
	keys, files, seen ops.Table
	schema            *arrow.Schema // of keys
	// groups has a value for each key group of the task, whose hash is in it.
	groups []int32
	// told is what the table seen says.
	told seen
}

var (
	filesSchema = arrow.NewSchema([]arrow.Field{
		{Name: "group", Type: arrow.PrimitiveTypes.Int32},
		{Name: "file", Type: arrow.PrimitiveTypes.Int64},
		{Name: "path", Type: arrow.BinaryTypes.StringView},
		{Name: "epoch", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	seenSchema = arrow.NewSchema([]arrow.Field{
		{Name: "group", Type: arrow.PrimitiveTypes.Int32},
		{Name: "sequence", Type: arrow.PrimitiveTypes.Int64},
		{Name: "snapshot", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
)

func (t *indexTables) open(x *index) (err error) {
	var fields []arrow.Field
	for _, c := range x.keys.Columns() {
		fields = append(fields, arrow.Field{Name: c.Field().Name, Type: c.Want.Type})
	}
	keys := len(fields)
	fields = append(fields, arrow.Field{Name: "$file", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "$position", Type: arrow.PrimitiveTypes.Int64})
	t.schema = arrow.NewSchema(fields, nil)
	if t.keys, err = x.rt.Table(ops.TableSpec{Name: "keys", Schema: t.schema, Keys: keys, Partition: keys}); err != nil {
		return err
	}
	if t.files, err = x.rt.Table(ops.TableSpec{Name: "files", Schema: filesSchema, Keys: 2, Partition: 1}); err != nil {
		return err
	}
	if t.seen, err = x.rt.Table(ops.TableSpec{Name: "seen", Schema: seenSchema, Keys: 1, Partition: 1}); err != nil {
		return err
	}
	t.groups = groupValues(x.rt.Task())
	return nil
}

// groupValues finds a number for each key group of a task.
func groupValues(task ops.TaskInfo) []int32 {
	if task.Groups <= 1 {
		return []int32{0}
	}
	found := map[uint16]int32{}
	var groups []uint16
	for from := int32(0); len(found) < int(task.KeyGroups.End-task.KeyGroups.Start); from += 1 << 10 {
		b := array.NewInt32Builder(memory.DefaultAllocator)
		for i := range int32(1 << 10) {
			b.Append(from + i)
		}
		col := b.NewArray()
		b.Release()
		groups = vector.KeyGroups(groups, vector.KeyHash(nil, []arrow.Array{col}), task.Groups)
		col.Release()
		for i, g := range groups {
			if _, ok := found[g]; !ok && task.KeyGroups.Contains(stream.KeyGroup(g)) {
				found[g] = from + int32(i)
			}
		}
	}
	out := make([]int32, 0, len(found))
	for g := task.KeyGroups.Start; g < task.KeyGroups.End; g++ {
		out = append(out, found[uint16(g)])
	}
	return out
}

// restore reads the tables.
func (t *indexTables) restore(ctx context.Context, x *index) error {
	rows := 0
	for rec, err := range t.seen.Scan(ctx) {
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			s := seen{
				looked: true, sequence: rec.Column(1).(*array.Int64).Value(i), snapshot: rec.Column(2).(*array.Int64).Value(i),
			}
			if rows++; rows == 1 || s.sequence < x.seen.sequence {
				x.seen = s
			}
		}
	}
	x.seen.looked = rows > 0 && rows >= len(t.groups)
	byHash := map[int64]uint32{}
	for rec, err := range t.files.Scan(ctx) {
		if err != nil {
			return err
		}
		paths, epochs := vector.ViewsOf(rec.Column(2)), rec.Column(3).(*array.Int64)
		for i := range int(rec.NumRows()) {
			n := x.file(string(paths.At(i)), filePending)
			f := x.files[n]
			f.epoch, f.recorded = stream.Epoch(epochs.Value(i)), true
			byHash[f.hash] = n
		}
	}
	return t.restoreKeys(ctx, x, byHash)
}

func (t *indexTables) restoreKeys(ctx context.Context, x *index, byHash map[int64]uint32) error {
	keys := len(x.keys.Columns())
	for rec, err := range t.keys.Scan(ctx) {
		if err != nil {
			return err
		}
		n := int(rec.NumRows())
		x.gids = grown(x.gids, n)
		x.table.FindOrInsert(rec.Columns()[:keys], nil, x.gids)
		hashes, at := rec.Column(keys).(*array.Int64).Int64Values(), rec.Column(keys+1).(*array.Int64).Int64Values()
		for i, gid := range x.gids {
			number, ok := byHash[hashes[i]]
			if !ok {
				number = uint32(len(x.files))
				x.files = append(x.files, &knownFile{hash: hashes[i], state: fileUnknown})
				byHash[hashes[i]] = number
			}
			*x.state(gid) = keyState{at: rowAt(number, at[i]), saved: 1}
		}
	}
	return nil
}

// saveRows is how many rows are written to the state at once.
const saveRows = 16 << 10

// save writes what has changed since the last call.
func (t *indexTables) save(x *index) error {
	dirty := x.table.Dirty(nil)
	x.table.ClearDirty()
	for from := 0; from < len(dirty); from += saveRows {
		var kept, gone, told []uint32
		for _, gid := range dirty[from:min(from+saveRows, len(dirty))] {
			switch s := x.state(gid); {
			case s.at != 0:
				s.saved = 1
				kept = append(kept, gid)
			case s.saved != 0:
				told = append(told, gid)
				gone = append(gone, gid)
			default:
				gone = append(gone, gid)
			}
		}
		if x.rt.Durable() {
			if err := t.write(x, kept, told); err != nil {
				return err
			}
		}
		x.table.Delete(gone)
	}
	if !x.rt.Durable() {
		return nil
	}
	if err := t.saveFiles(x); err != nil {
		return err
	}
	if t.told != x.seen {
		t.told = x.seen
		return t.saveSeen(x)
	}
	return nil
}

// write tells the table where keys are, and which have no row any more.
func (t *indexTables) write(x *index, kept, told []uint32) error {
	if len(told) > 0 {
		cols := x.table.Keys(x.mem, told)
		rec := array.NewRecordBatch(arrow.NewSchema(t.schema.Fields()[:len(cols)], nil), cols, int64(len(told)))
		err := t.keys.Delete(rec)
		rec.Release()
		releaseAll(cols)
		if err != nil {
			return err
		}
	}
	if len(kept) == 0 {
		return nil
	}
	cols := x.table.Keys(x.mem, kept)
	hashBuf, hashes := vector.NewValues[int64](x.mem, len(kept))
	atBuf, at := vector.NewValues[int64](x.mem, len(kept))
	for i, gid := range kept {
		p := x.state(gid).at
		hashes[i], at[i] = x.files[p.file()].hash, int64(p.pos())
	}
	cols = append(cols, vector.MakeArray(arrow.PrimitiveTypes.Int64, len(kept), 0, nil, hashBuf), vector.MakeArray(arrow.PrimitiveTypes.Int64, len(kept), 0, nil, atBuf))
	rec := array.NewRecordBatch(t.schema, cols, int64(len(kept)))
	defer rec.Release()
	releaseAll(cols)
	return t.keys.Upsert(rec)
}

// saveFiles records the paths of files that no snapshot has shown yet, and
// removes the others'. A path is recorded once in each key group, for a key group
// may go to any task.
func (t *indexTables) saveFiles(x *index) error {
	b := array.NewRecordBuilder(x.mem, filesSchema)
	defer b.Release()
	gone := array.NewRecordBuilder(x.mem, arrow.NewSchema(filesSchema.Fields()[:2], nil))
	defer gone.Release()
	for _, f := range x.files {
		to := b
		switch waits := f.state == filePending; {
		case waits == f.recorded:
			continue
		case !waits:
			to = gone
		}
		f.recorded = !f.recorded
		for _, g := range t.groups {
			to.Field(0).(*array.Int32Builder).Append(g)
			to.Field(1).(*array.Int64Builder).Append(f.hash)
			if to == b {
				b.Field(2).(*array.StringViewBuilder).Append(f.path)
				b.Field(3).(*array.Int64Builder).Append(int64(f.epoch))
			}
		}
	}
	added, removed := b.NewRecordBatch(), gone.NewRecordBatch()
	defer added.Release()
	defer removed.Release()
	if removed.NumRows() > 0 {
		if err := t.files.Delete(removed); err != nil {
			return err
		}
	}
	if added.NumRows() > 0 {
		return t.files.Upsert(added)
	}
	return nil
}

func (t *indexTables) saveSeen(x *index) error {
	b := array.NewRecordBuilder(x.mem, seenSchema)
	defer b.Release()
	for _, g := range t.groups {
		b.Field(0).(*array.Int32Builder).Append(g)
		b.Field(1).(*array.Int64Builder).Append(x.seen.sequence)
		b.Field(2).(*array.Int64Builder).Append(x.seen.snapshot)
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	if err := t.seen.Upsert(rec); err != nil {
		return fmt.Errorf("write seen: %w", err)
	}
	return nil
}

func releaseAll(cols []arrow.Array) {
	for _, c := range cols {
		c.Release()
	}
}

func grown(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n)
	}
	return s[:n]
}
