package iceberg

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// deadRows are the rows of one data file that are deleted.
type deadRows struct {
	positions *dv.RoaringPositionBitmap // nil: none
	equal     []*deadKeys
}

// deadKeys are the rows of one equality delete file: those that equal one of
// them in its columns are deleted. NULL equals NULL.
type deadKeys struct {
	columns []projected
	keys    *hashtable.Table
	// at are the columns among those that are read of the data file.
	at []int
}

// The ids of the columns of a file of position deletes, by the spec.
const (
	deletedPathID = 2147483546
	deletedPosID  = 2147483545
)

// readDeletes reads the delete files of a task.
func readDeletes(ctx context.Context, files iceio.IO, t *table.Table, task table.FileScanTask, mem memory.Allocator) (*deadRows, error) {
	dead := &deadRows{}
	for _, f := range task.DeletionVectorFiles {
		bits, err := dv.ReadDV(files, f)
		if err != nil {
			return nil, fmt.Errorf("deletion vector in %s: %w", f.FilePath(), err)
		}
		dead.positions = bits
	}
	for _, f := range task.DeleteFiles {
		if f.FileFormat() != ice.ParquetFile {
			return nil, fmt.Errorf("%w: position deletes in %s are in a file of format %s: only Parquet is read", job.ErrInvalid, f.FilePath(), f.FileFormat())
		}
		if dead.positions == nil {
			dead.positions = dv.NewRoaringPositionBitmap()
		}
		if err := readDeletedPositions(ctx, files, f.FilePath(), task.File.FilePath(), mem, dead.positions); err != nil {
			return nil, err
		}
	}
	for _, f := range task.EqualityDeleteFiles {
		keys, err := readDeadKeys(ctx, files, t, f, mem)
		if err != nil {
			dead.free()
			return nil, err
		}
		dead.equal = append(dead.equal, keys)
	}
	return dead, nil
}

func (d *deadRows) free() {
	for _, e := range d.equal {
		e.keys.Free()
	}
	d.equal = nil
}

// readDeletedPositions adds the positions that a file deletes of one data file.
func readDeletedPositions(ctx context.Context, files iceio.IO, name, of string, mem memory.Allocator, to *dv.RoaringPositionBitmap) error {
	columns := []projected{
		{path: []ice.NestedField{{ID: deletedPathID, Name: "file_path", Type: ice.PrimitiveTypes.String}}, engine: arrow.Field{Type: arrow.BinaryTypes.StringView}},
		{path: []ice.NestedField{{ID: deletedPosID, Name: "pos", Type: ice.PrimitiveTypes.Int64}}, engine: arrow.Field{Type: arrow.PrimitiveTypes.Int64}},
	}
	f, err := openDataFile(ctx, files, name, fileLayout{schema: ice.NewSchema(0, columns[0].field(), columns[1].field()), columns: columns})
	if err != nil {
		return err
	}
	defer f.close()
	return f.each(ctx, mem, func(rec arrow.RecordBatch) error {
		paths, at := vector.ViewsOf(rec.Column(0)), rec.Column(1).(*array.Int64).Int64Values()
		for i, pos := range at {
			if string(paths.At(i)) == of && pos >= 0 {
				to.Set(uint64(pos))
			}
		}
		return nil
	})
}

// readDeadKeys reads an equality delete file, by the schema that the table has now.
func readDeadKeys(ctx context.Context, files iceio.IO, t *table.Table, f ice.DataFile, mem memory.Allocator) (*deadKeys, error) {
	if f.FileFormat() != ice.ParquetFile {
		return nil, fmt.Errorf("%w: equality deletes in %s are in a file of format %s: only Parquet is read", job.ErrInvalid, f.FilePath(), f.FileFormat())
	}
	out := &deadKeys{}
	var types []arrow.DataType
	for _, id := range f.EqualityFieldIDs() {
		c, err := columnByID(t, id)
		if err != nil {
			return nil, fmt.Errorf("equality deletes in %s: %w", f.FilePath(), err)
		}
		out.columns = append(out.columns, c)
		types = append(types, c.engine.Type)
	}
	if len(types) == 0 {
		return nil, fmt.Errorf("%w: equality deletes in %s name no columns", job.ErrInvalid, f.FilePath())
	}
	var err error
	if out.keys, err = hashtable.New(hashtable.Options{}, types, 0); err != nil {
		return nil, fmt.Errorf("equality deletes in %s: %w", f.FilePath(), err)
	}
	open, err := openDataFile(ctx, files, f.FilePath(), fileLayout{schema: t.Schema(), mapping: t.NameMapping(), columns: out.columns})
	if err == nil {
		defer open.close()
		var gids []uint32
		err = open.each(ctx, mem, func(rec arrow.RecordBatch) error {
			n := int(rec.NumRows())
			gids = slices.Grow(gids[:0], n)[:n]
			out.keys.FindOrInsert(rec.Columns(), vector.All(nil, n), gids)
			return nil
		})
	}
	if err != nil {
		out.keys.Free()
		return nil, err
	}
	return out, nil
}

// columnByID finds a column in the newest schema that has it: a delete file may
// speak of one that was dropped since.
func columnByID(t *table.Table, id int) (out projected, err error) {
	for _, s := range append(slices.Clone(t.Metadata().Schemas()), t.Schema()) {
		if path := chainOf(s.Fields(), id); path != nil {
			last := path[len(path)-1]
			e, err := engineField(last.Name, last.Type, true)
			out = projected{path: path, engine: e}
			if err != nil {
				return out, err
			}
		}
	}
	if out.path != nil {
		return out, nil
	}
	return projected{}, fmt.Errorf("%w: the table has no column with id %d", job.ErrInvalid, id)
}

// chainOf finds the field with an id at or below fields, through structs.
func chainOf(fields []ice.NestedField, id int) []ice.NestedField {
	for _, f := range fields {
		if f.ID == id {
			return []ice.NestedField{f}
		}
		if st, isRow := f.Type.(*ice.StructType); isRow {
			if below := chainOf(st.FieldList, id); below != nil {
				return append([]ice.NestedField{f}, below...)
			}
		}
	}
	return nil
}

// alive are the rows of a batch that are not deleted, or nil for all of them.
// first is the position of the batch's first row in the file.
func (d *deadRows) alive(rec arrow.RecordBatch, first int64) vector.Sel {
	n := int(rec.NumRows())
	var sel vector.Sel
	if d.positions != nil && !d.positions.IsEmpty() {
		sel = make(vector.Sel, 0, n)
		for i := range n {
			if !d.positions.Contains(uint64(first) + uint64(i)) {
				sel = append(sel, uint32(i))
			}
		}
	}
	for _, e := range d.equal {
		if sel == nil {
			sel = vector.All(nil, n)
		}
		cols := make([]arrow.Array, len(e.at))
		for i, at := range e.at {
			cols[i] = rec.Column(at)
		}
		gids := make([]uint32, len(sel))
		e.keys.Find(cols, sel, gids)
		kept := sel[:0]
		for i, row := range sel {
			if gids[i] == hashtable.None {
				kept = append(kept, row)
			}
		}
		sel = kept
	}
	if len(sel) == n && n > 0 {
		return nil
	}
	return sel
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
