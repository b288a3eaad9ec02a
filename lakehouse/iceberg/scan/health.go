package scan

import (
	"context"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// The columns of t$health: one row that says whether the table wants upkeep.
var healthSchema = arrow.NewSchema([]arrow.Field{
	{Name: "snapshot_id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "committed_at", Type: arrow.FixedWidthTypes.Timestamp_ms, Nullable: true},
	{Name: "freshness_ms", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "snapshots", Type: arrow.PrimitiveTypes.Int64},
	{Name: "manifests", Type: arrow.PrimitiveTypes.Int64},
	{Name: "data_files", Type: arrow.PrimitiveTypes.Int64},
	{Name: "data_bytes", Type: arrow.PrimitiveTypes.Int64},
	{Name: "records", Type: arrow.PrimitiveTypes.Int64},
	{Name: "files_below_1mb", Type: arrow.PrimitiveTypes.Int64},
	{Name: "files_1mb_to_16mb", Type: arrow.PrimitiveTypes.Int64},
	{Name: "files_16mb_to_128mb", Type: arrow.PrimitiveTypes.Int64},
	{Name: "files_128mb_to_512mb", Type: arrow.PrimitiveTypes.Int64},
	{Name: "files_from_512mb", Type: arrow.PrimitiveTypes.Int64},
	{Name: "small_files", Type: arrow.PrimitiveTypes.Int64},
	{Name: "small_file_ratio", Type: arrow.PrimitiveTypes.Float64},
	{Name: "delete_files", Type: arrow.PrimitiveTypes.Int64},
	{Name: "position_deletes", Type: arrow.PrimitiveTypes.Int64},
	{Name: "equality_deletes", Type: arrow.PrimitiveTypes.Int64},
	{Name: "delete_ratio", Type: arrow.PrimitiveTypes.Float64},
}, nil)

// buckets are the upper ends of the histogram's buckets but the last.
var buckets = [...]int64{1 << 20, 16 << 20, 128 << 20, 512 << 20}

// vital is what the manifests of a snapshot tell of its files.
type vital struct {
	manifests, files, bytes, records, small           int64
	histogram                                         [len(buckets) + 1]int64
	deleteFiles, deletedPositions, deletedKeys, limit int64
}

// smallPart of the target size is what rewrite_data_files takes a file for small
// below: 75 percent.
const smallPart = 0.75

// health makes the table health.
func health(ctx context.Context, t *table.Table, now time.Time, mem memory.Allocator) (array.RecordReader, error) {
	v := vital{limit: int64(smallPart * float64(t.Properties().GetInt64(table.WriteTargetFileSizeBytesKey, table.WriteTargetFileSizeBytesDefault)))}
	snapshot := t.CurrentSnapshot()
	if snapshot != nil {
		if err := v.read(ctx, t, snapshot); err != nil {
			return nil, err
		}
	}
	b := array.NewRecordBuilder(mem, healthSchema)
	defer b.Release()
	if snapshot == nil {
		for i := range 3 {
			b.Field(i).AppendNull()
		}
	} else {
		b.Field(0).(*array.Int64Builder).Append(snapshot.SnapshotID)
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(snapshot.TimestampMs))
		b.Field(2).(*array.Int64Builder).Append(max(0, now.UnixMilli()-snapshot.TimestampMs))
	}
	numbers := []int64{int64(len(t.Metadata().Snapshots())), v.manifests, v.files, v.bytes, v.records}
	numbers = append(append(numbers, v.histogram[:]...), v.small)
	at := 3
	number := func(n int64) {
		b.Field(at).(*array.Int64Builder).Append(n)
		at++
	}
	part := func(n, of int64) {
		b.Field(at).(*array.Float64Builder).Append(float64(n) / float64(max(of, 1)))
		at++
	}
	for _, n := range numbers {
		number(n)
	}
	part(v.small, v.files)
	number(v.deleteFiles)
	number(v.deletedPositions)
	number(v.deletedKeys)
	part(v.deletedPositions+v.deletedKeys, v.records)
	rec := b.NewRecordBatch()
	defer rec.Release()
	return array.NewRecordReader(healthSchema, []arrow.RecordBatch{rec})
}

// read counts the files of a snapshot.
func (v *vital) read(ctx context.Context, t *table.Table, snapshot *table.Snapshot) error {
	files, err := t.FS(ctx)
	if err != nil {
		return err
	}
	manifests, err := snapshot.Manifests(files)
	if err != nil {
		return fmt.Errorf("manifests of snapshot %d: %w", snapshot.SnapshotID, err)
	}
	for _, m := range manifests {
		v.manifests++
		for entry, err := range m.Entries(files, true) {
			if err != nil {
				return fmt.Errorf("manifest %s: %w", m.FilePath(), err)
			}
			v.count(entry.DataFile())
		}
	}
	return nil
}

func (v *vital) count(f ice.DataFile) {
	switch f.ContentType() {
	case ice.EntryContentData:
		size, bucket := f.FileSizeBytes(), 0
		for bucket < len(buckets) && size >= buckets[bucket] {
			bucket++
		}
		v.histogram[bucket]++
		v.files++
		v.bytes += size
		v.records += f.Count()
		if size < v.limit {
			v.small++
		}
	case ice.EntryContentPosDeletes:
		v.deleteFiles++
		v.deletedPositions += f.Count()
	case ice.EntryContentEqDeletes:
		v.deleteFiles++
		v.deletedKeys += f.Count()
	}
}
