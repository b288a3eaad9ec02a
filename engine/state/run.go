package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// Compression is the codec of run files.
type Compression uint8

// The codecs.
const (
	Zstd Compression = iota
	Uncompressed
)

// pageBytes is the size of a page of a run: what a reader holds of each column at
// the least.
const pageBytes = 128 << 10

// The columns of a run before those of its table, and its version.
const (
	groupColumn   = "_group"
	deletedColumn = "_deleted"
	runVersion    = "1"
	runVersionKey = "wadi.run"
	runKeysKey    = "wadi.keys"
)

// encodeRun writes rows in this order as a run file, whose row groups begin at cuts.
func encodeRun(alloc memory.Allocator, all *rows, order vector.Sel, c Compression, cuts []int) ([]byte, error) {
	rec := all.take(alloc, order)
	defer rec.Release()
	groups := array.NewUint16Builder(alloc)
	defer groups.Release()
	deleted := array.NewBooleanBuilder(alloc)
	defer deleted.Release()
	for _, i := range order {
		groups.Append(all.group[i])
		deleted.Append(all.deleted[i])
	}
	cols := []arrow.Array{groups.NewArray(), deleted.NewArray()}
	fields := []arrow.Field{
		{Name: groupColumn, Type: arrow.PrimitiveTypes.Uint16},
		{Name: deletedColumn, Type: arrow.FixedWidthTypes.Boolean},
	}
	for i, f := range all.schema.Fields() {
		col := outward(alloc, rec.Column(i))
		cols = append(cols, col)
		// Tombstones have no values.
		fields = append(fields, arrow.Field{Name: f.Name, Type: outwardType(f.Type), Nullable: col.NullN() > 0, Metadata: f.Metadata})
	}
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	meta := arrow.NewMetadata([]string{runVersionKey, runKeysKey}, []string{runVersion, strconv.Itoa(all.keys)})
	schema := arrow.NewSchema(fields, &meta)
	out := array.NewRecordBatch(schema, cols, int64(len(order)))
	defer out.Release()
	return writeParquet(out, c, cuts)
}

func writeParquet(rec arrow.RecordBatch, c Compression, cuts []int) ([]byte, error) {
	props := []parquet.WriterProperty{
		parquet.WithDictionaryDefault(false), parquet.WithVersion(parquet.V2_LATEST), parquet.WithCreatedBy("wadi"),
		parquet.WithDataPageSize(pageBytes),
	}
	if c == Zstd {
		props = append(props, parquet.WithCompression(compress.Codecs.Zstd), parquet.WithCompressionLevel(1))
	}
	var buf bytes.Buffer
	buf.Grow(int(vector.RecordBytes(rec)) / 2) // once, and not by doubling
	w, err := pqarrow.NewFileWriter(rec.Schema(), &buf, parquet.NewWriterProperties(props...),
		pqarrow.NewArrowWriterProperties(pqarrow.WithStoreSchema()))
	if err != nil {
		return nil, fmt.Errorf("write run: %w", err)
	}
	for i, key := range rec.Schema().Metadata().Keys() {
		if err := w.AppendKeyValueMetadata(key, rec.Schema().Metadata().Values()[i]); err != nil {
			return nil, fmt.Errorf("write run: %w", err)
		}
	}
	for i := 1; i < len(cuts); i++ {
		part := rec.NewSlice(int64(cuts[i-1]), int64(cuts[i]))
		err := w.Write(part)
		part.Release()
		if err != nil {
			return nil, fmt.Errorf("write run: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write run: %w", err)
	}
	return buf.Bytes(), nil
}

// fetchRun reads the run's file and checks it against what the checkpoint says.
func fetchRun(ctx context.Context, store checkpoint.Store, r checkpoint.Run) ([]byte, error) {
	data, err := store.Get(ctx, r.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: run %s is missing", checkpoint.ErrCorrupt, r.File)
	case err != nil:
		return nil, fmt.Errorf("read run %s: %w", r.File, err)
	case int64(len(data)) != r.Bytes:
		return nil, fmt.Errorf("%w: run %s has %d bytes, not %d", checkpoint.ErrCorrupt, r.File, len(data), r.Bytes)
	case checkpoint.Sum(data) != r.Sum:
		return nil, fmt.Errorf("%w: run %s: the checksum does not match", checkpoint.ErrCorrupt, r.File)
	}
	return data, nil
}

// decodeRun reads the rows of a run file whose key groups lie in keep.
func decodeRun(ctx context.Context, alloc memory.Allocator, name string, data []byte, spec ops.TableSpec, keep *stream.KeyGroupRange) (all *rows, err error) {
	defer func() {
		// The Parquet reader panics at some kinds of damage.
		if p := recover(); p != nil {
			all, err = nil, fmt.Errorf("%w: run %s: %v", checkpoint.ErrCorrupt, name, p)
		}
	}()
	rec, err := readParquet(ctx, alloc, data, spec.Schema)
	if err != nil {
		return nil, fmt.Errorf("%w: run %s: %w", checkpoint.ErrCorrupt, name, err)
	}
	defer rec.Release()
	all, err = fromRun(alloc, rec, spec, keep)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", name, err)
	}
	return all, nil
}

// readParquet reads the columns of a run that schema has too, and those before
// the table's.
func readParquet(ctx context.Context, alloc memory.Allocator, data []byte, schema *arrow.Schema) (arrow.RecordBatch, error) {
	r, err := file.NewParquetReader(bytes.NewReader(data), file.WithReadProps(parquet.NewReaderProperties(alloc)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // of bytes in memory
	if err := checkVersion(r); err != nil {
		return nil, err
	}
	pr, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 64 << 10, PreAllocBinaryData: true}, alloc)
	if err != nil {
		return nil, err
	}
	groups := make([]int, r.NumRowGroups())
	for i := range groups {
		groups[i] = i
	}
	t, err := pr.ReadRowGroups(ctx, wanted(r, schema), groups)
	if err != nil {
		return nil, err
	}
	defer t.Release()
	cols := make([]arrow.Array, t.NumCols())
	defer func() {
		for _, c := range cols {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range cols {
		chunks := t.Column(i).Data().Chunks()
		if len(chunks) == 0 {
			b := array.NewBuilder(alloc, t.Schema().Field(i).Type)
			cols[i] = b.NewArray()
			b.Release()
			continue
		}
		cols[i] = vector.Concat(alloc, chunks)
	}
	return array.NewRecordBatch(t.Schema(), cols, t.NumRows()), nil
}

// wanted are the columns of a run that schema has too, and those before the table's.
func wanted(r *file.Reader, schema *arrow.Schema) (all []int) {
	leaves := r.MetaData().Schema
	for i := range leaves.NumColumns() {
		if name := leaves.ColumnRoot(i).Name(); name == groupColumn || name == deletedColumn || schema.HasField(name) {
			all = append(all, i)
		}
	}
	return all
}

func checkVersion(r *file.Reader) error {
	if v := r.MetaData().KeyValueMetadata().FindValue(runVersionKey); v == nil || *v != runVersion {
		return fmt.Errorf("its format is not version %s of runs", runVersion)
	}
	return nil
}

// fromRun brings what a run file holds into the form of the table spec.
func fromRun(alloc memory.Allocator, rec arrow.RecordBatch, spec ops.TableSpec, keep *stream.KeyGroupRange) (*rows, error) {
	if rec.NumCols() < 2 || rec.Schema().Field(0).Name != groupColumn || rec.Schema().Field(1).Name != deletedColumn {
		return nil, fmt.Errorf("%w: it has no columns %s and %s", checkpoint.ErrCorrupt, groupColumn, deletedColumn)
	}
	group, ok := rec.Column(0).(*array.Uint16)
	deleted, ok2 := rec.Column(1).(*array.Boolean)
	if !ok || !ok2 || group.NullN() > 0 || deleted.NullN() > 0 {
		return nil, fmt.Errorf("%w: %s and %s are not numbers and booleans", checkpoint.ErrCorrupt, groupColumn, deletedColumn)
	}
	sel := vector.Sel{} // nil would mean every row
	all := &rows{schema: spec.Schema, keys: spec.Keys}
	for i := range group.Len() {
		if g := group.Value(i); keep == nil || keep.Contains(stream.KeyGroup(g)) {
			sel = append(sel, uint32(i))
			all.group = append(all.group, g)
			all.deleted = append(all.deleted, deleted.Value(i))
		}
	}
	cols := make([]arrow.Array, 0, spec.Schema.NumFields())
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, f := range spec.Schema.Fields() {
		at := rec.Schema().FieldIndices(f.Name)
		if len(at) == 0 && i >= spec.Keys && (spec.Begins || slices.Contains(spec.Optional, f.Name)) {
			cols = append(cols, nulls(alloc, f.Type, len(sel)))
			continue
		}
		if len(at) != 1 {
			return nil, fmt.Errorf("the state has no column %s; it was written by another query", f.Name)
		}
		col := rec.Column(at[0])
		if !arrow.TypeEqual(col.DataType(), outwardType(f.Type)) {
			return nil, fmt.Errorf("column %s of the state has type %s, not %s; it was written by another query", f.Name, col.DataType(), outwardType(f.Type))
		}
		in := inward(alloc, col, f.Type)
		if len(sel) < in.Len() {
			all := in
			in = vector.Take(alloc, all, sel)
			all.Release()
		}
		cols = append(cols, in)
	}
	all.rec = array.NewRecordBatch(spec.Schema, cols, int64(len(sel)))
	return all, nil
}
