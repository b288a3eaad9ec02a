package read

import (
	"fmt"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
)

// DataFile says what is read of a data file. It may stand in the position of a
// split, as JSON.
type DataFile struct {
	Path string `json:"file"`
	// Start and End are bytes: the row groups that begin in [Start, End) are read.
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	Rows  int64 `json:"rows"` // of the whole file
	// Avro says that it is an Avro file: blocks take the place of row groups.
	Avro bool `json:"avro,omitempty"`
	// Constants are the values of partition fields that are columns as they
	// are, by the column's id: of a file that lacks the column.
	Constants map[int]Value `json:"constants,omitempty"`
	// Deletes name the rows that are not read.
	Deletes []DeleteFile `json:"deletes,omitempty"`
	// Gone, when it is not empty, names the rows that are read, as far as Deletes
	// does not name them.
	Gone []DeleteFile `json:"gone,omitempty"`
	// FirstRowID and Sequence are what rows inherit that have no id of their own, and
	// no sequence number.
	FirstRowID *int64 `json:"-"`
	Sequence   *int64 `json:"-"`
}

// DataFileOf describes what a task reads of a file of t, which must be of a kind
// that can be read.
func DataFileOf(t *table.Table, task table.FileScanTask) (DataFile, error) {
	f := task.File
	d := DataFile{Path: f.FilePath(), Start: task.Start, End: task.Start + task.Length, Rows: f.Count(), FirstRowID: task.FirstRowID, Sequence: task.DataSequenceNumber}
	var err error
	if d.Avro, err = isAvro(f); err != nil {
		return d, fmt.Errorf("data file %s: %w", f.FilePath(), err)
	}
	if len(f.KeyMetadata()) > 0 {
		return d, fmt.Errorf("%w: data file %s: it is encrypted, and encrypted files cannot be read", job.ErrInvalid, f.FilePath())
	}
	if task.Length <= 0 {
		d.End = f.FileSizeBytes()
	}
	if d.Constants, err = constantsOf(t, f); err != nil {
		return d, err
	}
	d.Deletes, err = deletesOf(task)
	return d, err
}

// isAvro reports whether a file is one of Avro, and not of Parquet.
func isAvro(f ice.DataFile) (bool, error) {
	switch f.FileFormat() {
	case ice.ParquetFile:
		return false, nil
	case ice.AvroFile:
		return true, nil
	case ice.OrcFile, ice.PuffinFile:
	}
	return false, fmt.Errorf("%w: it is of format %s, and Parquet and Avro can be read; rewrite it with the program that wrote it", job.ErrInvalid, f.FileFormat())
}

// constantsOf gives the values of the identity fields of the file's partition.
func constantsOf(t *table.Table, f ice.DataFile) (map[int]Value, error) {
	spec := t.Metadata().PartitionSpecByID(int(f.SpecID()))
	if spec == nil {
		return nil, fmt.Errorf("%w: data file %s: the table has no partition spec %d", job.ErrInvalid, f.FilePath(), f.SpecID())
	}
	var out map[int]Value
	schemas := SchemasOf(t, nil)
	for _, field := range spec.Fields() {
		if _, is := field.Transform.(ice.IdentityTransform); !is {
			continue
		}
		column, ok := fieldByID(schemas, field.SourceID())
		if !ok {
			continue
		}
		v, err := ValueOf(f.Partition()[field.FieldID], column.Type)
		if err != nil {
			return nil, fmt.Errorf("data file %s: partition field %q: %w", f.FilePath(), field.Name, err)
		}
		if out == nil {
			out = map[int]Value{}
		}
		out[field.SourceID()] = v
	}
	return out, nil
}

// deletesOf describes the delete files of a task. A deletion vector replaces
// the position deletes of its file.
func deletesOf(task table.FileScanTask) ([]DeleteFile, error) {
	var out []DeleteFile
	for _, d := range task.DeletionVectorFiles {
		if d.ContentOffset() == nil || d.ContentSizeInBytes() == nil {
			return nil, fmt.Errorf("%w: deletion vector of %s in %s: the manifest does not say where it stands", job.ErrInvalid, task.File.FilePath(), d.FilePath())
		}
		out = append(out, DeleteFile{
			Kind: ByBitmap, File: d.FilePath(), Rows: d.Count(),
			Offset: *d.ContentOffset(), Size: *d.ContentSizeInBytes(),
		})
	}
	var positions []ice.DataFile
	if len(out) == 0 {
		positions = task.DeleteFiles
	}
	for _, d := range append(positions[:len(positions):len(positions)], task.EqualityDeleteFiles...) {
		f, err := PositionsOf(d)
		if err != nil {
			return nil, err
		}
		if d.ContentType() == ice.EntryContentEqDeletes {
			f.Kind, f.IDs = ByKeyValues, d.EqualityFieldIDs()
			if len(f.IDs) == 0 {
				return nil, fmt.Errorf("%w: delete file %s: it does not say by which columns", job.ErrInvalid, d.FilePath())
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// PositionsOf describes a file of position deletes, which must be of a kind that can
// be read.
func PositionsOf(d ice.DataFile) (f DeleteFile, err error) {
	f = DeleteFile{Kind: ByPositions, File: d.FilePath(), Rows: d.Count()}
	if f.Avro, err = isAvro(d); err != nil {
		err = fmt.Errorf("delete file %s: %w", d.FilePath(), err)
	}
	return f, err
}
