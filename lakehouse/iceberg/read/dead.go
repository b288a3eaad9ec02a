package read

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
	"github.com/wadi-engine/wadi/lakehouse/iceberg/types"
	"github.com/wadi-engine/wadi/vector"
	"github.com/wadi-engine/wadi/vector/hashtable"
)

// DeadRows are the rows of one data file that are deleted.
type DeadRows struct {
	Positions *dv.RoaringPositionBitmap // nil: none
	Equal     []*DeadKeys
}

// DeadKeys are the rows of one equality delete file: those that equal one of
// them in its columns are deleted. NULL equals NULL.
type DeadKeys struct {
	Columns []Projected
	keys    *hashtable.Table
	// At are the columns among those that are read of the data file.
	At []int
}

// AllDeletes reads the delete files of a task.
func AllDeletes(ctx context.Context, files iceio.IO, t *table.Table, task table.FileScanTask, mem memory.Allocator) (*DeadRows, error) {
	dead := &DeadRows{}
	for _, f := range task.DeletionVectorFiles {
		bits, err := dv.ReadDV(files, f)
		if err != nil {
			return nil, fmt.Errorf("deletion vector in %s: %w", f.FilePath(), err)
		}
		dead.Positions = bits
	}
	for _, f := range task.DeleteFiles {
		if f.FileFormat() != ice.ParquetFile {
			return nil, fmt.Errorf("%w: position deletes in %s are in a file of format %s: only Parquet is read", job.ErrInvalid, f.FilePath(), f.FileFormat())
		}
		if dead.Positions == nil {
			dead.Positions = dv.NewRoaringPositionBitmap()
		}
		if err := readDeletedPositions(ctx, files, f.FilePath(), task.File.FilePath(), mem, dead.Positions); err != nil {
			return nil, err
		}
	}
	for _, f := range task.EqualityDeleteFiles {
		keys, err := readDeadKeys(ctx, files, t, f, mem)
		if err != nil {
			dead.Free()
			return nil, err
		}
		dead.Equal = append(dead.Equal, keys)
	}
	return dead, nil
}

// Free gives back the keys.
func (d *DeadRows) Free() {
	for _, e := range d.Equal {
		e.keys.Free()
	}
	d.Equal = nil
}

// readDeletedPositions adds the positions that a file deletes of one data file.
func readDeletedPositions(ctx context.Context, files iceio.IO, name, of string, mem memory.Allocator, to *dv.RoaringPositionBitmap) error {
	columns := []Projected{
		{Path: []ice.NestedField{{ID: DeletedPathID, Name: "file_path", Type: ice.PrimitiveTypes.String}}, Engine: arrow.Field{Type: arrow.BinaryTypes.StringView}},
		{Path: []ice.NestedField{{ID: DeletedPosID, Name: "pos", Type: ice.PrimitiveTypes.Int64}}, Engine: arrow.Field{Type: arrow.PrimitiveTypes.Int64}},
	}
	f, err := OpenDataFile(ctx, files, name, Layout{Schema: ice.NewSchema(0, columns[0].Field(), columns[1].Field()), Columns: columns})
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Each(ctx, mem, func(rec arrow.RecordBatch) error {
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
func readDeadKeys(ctx context.Context, files iceio.IO, t *table.Table, f ice.DataFile, mem memory.Allocator) (*DeadKeys, error) {
	if f.FileFormat() != ice.ParquetFile {
		return nil, fmt.Errorf("%w: equality deletes in %s are in a file of format %s: only Parquet is read", job.ErrInvalid, f.FilePath(), f.FileFormat())
	}
	out := &DeadKeys{}
	var types []arrow.DataType
	for _, id := range f.EqualityFieldIDs() {
		c, err := columnByID(t, id)
		if err != nil {
			return nil, fmt.Errorf("equality deletes in %s: %w", f.FilePath(), err)
		}
		out.Columns = append(out.Columns, c)
		types = append(types, c.Engine.Type)
	}
	if len(types) == 0 {
		return nil, fmt.Errorf("%w: equality deletes in %s name no columns", job.ErrInvalid, f.FilePath())
	}
	var err error
	if out.keys, err = hashtable.New(hashtable.Options{}, types, 0); err != nil {
		return nil, fmt.Errorf("equality deletes in %s: %w", f.FilePath(), err)
	}
	open, err := OpenDataFile(ctx, files, f.FilePath(), Layout{Schema: t.Schema(), Mapping: t.NameMapping(), Columns: out.Columns})
	if err == nil {
		defer open.Close()
		var gids []uint32
		err = open.Each(ctx, mem, func(rec arrow.RecordBatch) error {
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
func columnByID(t *table.Table, id int) (out Projected, err error) {
	for _, s := range append(slices.Clone(t.Metadata().Schemas()), t.Schema()) {
		if path := chainOf(s.Fields(), id); path != nil {
			last := path[len(path)-1]
			e, err := types.EngineField(last.Name, last.Type, true)
			out = Projected{Path: path, Engine: e}
			if err != nil {
				return out, err
			}
		}
	}
	if out.Path != nil {
		return out, nil
	}
	return Projected{}, fmt.Errorf("%w: the table has no column with id %d", job.ErrInvalid, id)
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

// Alive are the rows of a batch that are not deleted, or nil for all of them.
// first is the position of the batch's first row in the file.
func (d *DeadRows) Alive(rec arrow.RecordBatch, first int64) vector.Sel {
	n := int(rec.NumRows())
	var sel vector.Sel
	if d.Positions != nil && !d.Positions.IsEmpty() {
		sel = make(vector.Sel, 0, n)
		for i := range n {
			if !d.Positions.Contains(uint64(first) + uint64(i)) {
				sel = append(sel, uint32(i))
			}
		}
	}
	for _, e := range d.Equal {
		if sel == nil {
			sel = vector.All(nil, n)
		}
		cols := make([]arrow.Array, len(e.At))
		for i, at := range e.At {
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

// Identities are the values of the identity partitions of a file, by the ids of
// their columns: files that were taken over from elsewhere may lack these.
func Identities(f ice.DataFile, spec *ice.PartitionSpec) map[int]any {
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
