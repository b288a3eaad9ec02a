package upsert

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
	"github.com/wadi-engine/wadi/ops"
)

// deleteTarget is a data file in which rows are deleted.
type deleteTarget struct {
	spec      int32
	partition map[int]any
}

// Deleter deletes rows of a table for its committer.
type Deleter struct {
	ID     ops.SinkID
	Key    Key
	Aim    catalog.Aim
	viewer viewer // of the files in which rows are deleted
}

// Delete turns deletions into delete files that fit the snapshot that t is
// at: a data file may have one deletion vector, which holds what the one before
// held; and rows that were moved since the deletions were staged are deleted
// where they are now. files are committed together with them.
func (x *Deleter) Delete(ctx context.Context, t *table.Table, ch *Changes, all Deletions) error {
	if all.empty() {
		return nil
	}
	fsys, err := t.FS(ctx)
	if err != nil {
		return err
	}
	files := fsys.(iceio.WriteFileIO)
	x.viewer.files = fsys
	v, err := x.viewer.at(x.Aim.Head(t))
	if err != nil {
		return err
	}
	targets := map[string]deleteTarget{}
	for _, f := range ch.Files {
		targets[f.FilePath()] = deleteTarget{f.SpecID(), f.Partition()}
	}
	d, gone := map[string]positions{}, map[string]positions{}
	for path, bits := range all.rows {
		if _, ours := targets[path]; ours || v.data[path] != nil {
			d[path] = bits
		} else {
			gone[path] = bits
		}
	}
	for path, bits := range all.copies {
		if v.data[path] != nil {
			join(d, path, bits)
		}
	}
	if err := x.translate(ctx, t, v, gone, d); err != nil {
		return err
	}
	of := map[string]bool{}
	for path := range d {
		if f := v.data[path]; f != nil {
			targets[path] = deleteTarget{f.spec, f.partition}
			of[path] = true
		}
	}
	if len(d) == 0 {
		return nil
	}
	if x.Key.Mode == ByRewrite {
		return rewriteRows(ctx, t, v, ch, d)
	}
	if t.Metadata().Version() < 3 {
		ch.Made, err = writePositions(t, files, d, targets)
		ch.Deletes = append(ch.Deletes, ch.Made...)
		return err
	}
	r := read.NewReader(ctx, t, fsys, memory.DefaultAllocator)
	defer r.Close()
	dead, err := v.dead(r, of)
	if err != nil {
		return err
	}
	for path, bits := range dead {
		join(d, path, bits)
		if vector := v.vectors[path]; vector != nil {
			ch.vectors = append(ch.vectors, vector)
		}
	}
	slices.SortFunc(ch.vectors, func(a, b ice.DataFile) int {
		return slices.Compare([]byte(*a.ReferencedDataFile()), []byte(*b.ReferencedDataFile()))
	})
	ch.Made, err = writeVectors(ctx, t, files, d, targets)
	ch.Deletes = append(ch.Deletes, ch.Made...)
	return err
}

func specsByID(t *table.Table) map[int32]*ice.PartitionSpec {
	specs := map[int32]*ice.PartitionSpec{}
	for i, s := range t.Metadata().PartitionSpecs() {
		specs[int32(s.ID())] = &t.Metadata().PartitionSpecs()[i]
	}
	return specs
}

// writeVectors writes one Puffin file with a deletion vector for each data file.
func writeVectors(ctx context.Context, t *table.Table, files iceio.WriteFileIO, d map[string]positions, targets map[string]deleteTarget) ([]ice.DataFile, error) {
	if len(d) == 0 {
		return nil, nil
	}
	where, err := t.LocationProvider()
	if err != nil {
		return nil, err
	}
	specs := specsByID(t)
	w := dv.NewDVWriter(files, func(id int32) *ice.PartitionSpec { return specs[id] })
	for _, path := range slices.Sorted(maps.Keys(d)) {
		w.Load(path, d[path], targets[path].spec, targets[path].partition)
	}
	return w.Flush(ctx, where.NewDataLocation(uuid.New().String()+"-deletes.puffin"))
}

// positionSchema is that of files of positions.
var positionSchema = arrow.NewSchema([]arrow.Field{
	{Name: "file_path", Type: arrow.BinaryTypes.StringView, Metadata: fieldIDs(read.DeletedPathID)},
	{Name: "pos", Type: arrow.PrimitiveTypes.Int64, Metadata: fieldIDs(read.DeletedPosID)},
}, nil)

func fieldIDs(id int) arrow.Metadata {
	return arrow.MetadataFrom(map[string]string{parquet.FieldIDKey: fmt.Sprint(id)})
}

// writePositions writes a file of positions for each partition.
func writePositions(t *table.Table, files iceio.WriteFileIO, d map[string]positions, targets map[string]deleteTarget) ([]ice.DataFile, error) {
	groups := map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(d)) {
		key := fmt.Sprint(targets[path].spec, write.PartitionKey(targets[path].partition))
		groups[key] = append(groups[key], path)
	}
	specs := specsByID(t)
	var out []ice.DataFile
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		of := targets[groups[key][0]]
		spec := specs[of.spec]
		if spec == nil {
			return out, fmt.Errorf("%w: the table has lost partition spec %d", job.ErrInvalid, of.spec)
		}
		df, err := writePositionFile(t, files, d, groups[key], *spec, of.partition)
		if err != nil {
			return out, err
		}
		out = append(out, df)
	}
	return out, nil
}

func writePositionFile(t *table.Table, files iceio.WriteFileIO, d map[string]positions, paths []string, spec ice.PartitionSpec, partition map[int]any) (ice.DataFile, error) {
	where, err := t.LocationProvider()
	if err != nil {
		return nil, err
	}
	name := where.NewDataLocation(uuid.New().String() + "-deletes.parquet")
	out, err := files.Create(name)
	if err != nil {
		return nil, err
	}
	m, err := encodePositions(out, t, d, paths)
	if err != nil {
		_ = write.Abort(out) // the error that led here is the one to tell
		return nil, err
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	b, err := ice.NewDataFileBuilder(spec, ice.EntryContentPosDeletes, name, ice.ParquetFile, partition, nil, nil, m.Rows, m.Bytes)
	if err != nil {
		return nil, err
	}
	if len(paths) == 1 {
		b.ReferencedDataFile(paths[0])
	}
	at := m.Columns[1]
	return b.ColumnSizes(map[int]int64{read.DeletedPathID: m.Columns[0].Bytes, read.DeletedPosID: at.Bytes}).
		ValueCounts(map[int]int64{read.DeletedPathID: m.Rows, read.DeletedPosID: m.Rows}).
		NullValueCounts(map[int]int64{read.DeletedPathID: 0, read.DeletedPosID: 0}).
		LowerBoundValues(map[int][]byte{read.DeletedPathID: []byte(paths[0]), read.DeletedPosID: at.Min}).
		UpperBoundValues(map[int][]byte{read.DeletedPathID: []byte(paths[len(paths)-1]), read.DeletedPosID: at.Max}).
		SplitOffsets(m.Offsets).Build(), nil
}

// encodePositions writes the rows of a file of positions: by path, then by
// position.
func encodePositions(out iceio.FileWriter, t *table.Table, d map[string]positions, paths []string) (parquet.Metrics, error) {
	w, err := parquet.NewWriter(out, positionSchema, parquet.WriterOptions{Compression: write.CodecName(t.Properties()["write.delete.parquet.compression-codec"])})
	if err != nil {
		return parquet.Metrics{}, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, positionSchema)
	defer b.Release()
	names, at := b.Field(0).(*array.StringViewBuilder), b.Field(1).(*array.Int64Builder)
	flush := func() error {
		rec := b.NewRecordBatch()
		defer rec.Release()
		return w.Write(rec)
	}
	for _, path := range paths {
		for pos := range d[path].Positions() {
			names.Append(path)
			at.Append(int64(pos))
			if at.Len() == saveRows {
				if err := flush(); err != nil {
					return parquet.Metrics{}, err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return parquet.Metrics{}, err
	}
	return w.Close()
}
