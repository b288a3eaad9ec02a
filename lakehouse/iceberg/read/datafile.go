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
	if f.FileFormat() != ice.ParquetFile {
		return d, fmt.Errorf("%w: data file %s: it is of format %s, and only Parquet can be read; rewrite it with the program that wrote it",
			job.ErrInvalid, f.FilePath(), f.FileFormat())
	}
	if len(f.KeyMetadata()) > 0 {
		return d, fmt.Errorf("%w: data file %s: it is encrypted, and encrypted files cannot be read", job.ErrInvalid, f.FilePath())
	}
	if task.Length <= 0 {
		d.End = f.FileSizeBytes()
	}
	var err error
	if d.Constants, err = constantsOf(t, f); err != nil {
		return d, err
	}
	d.Deletes, err = deletesOf(task)
	return d, err
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
	if len(out) == 0 {
		for _, d := range task.DeleteFiles {
			out = append(out, DeleteFile{Kind: ByPositions, File: d.FilePath(), Rows: d.Count()})
		}
	}
	for _, d := range task.EqualityDeleteFiles {
		out = append(out, DeleteFile{Kind: ByKeyValues, File: d.FilePath(), Rows: d.Count(), IDs: d.EqualityFieldIDs()})
	}
	for i, d := range append(task.DeleteFiles, task.EqualityDeleteFiles...) {
		if d.FileFormat() != ice.ParquetFile {
			return nil, fmt.Errorf("%w: delete file %s: it is of format %s, and only Parquet can be read", job.ErrInvalid, d.FilePath(), d.FileFormat())
		}
		if i >= len(task.DeleteFiles) && len(d.EqualityFieldIDs()) == 0 {
			return nil, fmt.Errorf("%w: delete file %s: it does not say by which columns", job.ErrInvalid, d.FilePath())
		}
	}
	return out, nil
}
