package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
)

// piece is what a split reads: the row groups of a data file that begin at
// bytes [Start, End), without the rows that Deletes name. It is the head of a
// split's position; behind it stands "@group/row", the next row to read.
type piece struct {
	File     string `json:"file"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
	Rows     int64  `json:"rows"` // of the whole file
	Snapshot int64  `json:"snapshot"`
	// Constants are the values of partition fields that are columns as they
	// are, by the column's id: of a file that lacks the column.
	Constants map[int]read.Value `json:"constants,omitempty"`
	Deletes   []read.DeleteFile  `json:"deletes,omitempty"`
	// Gone, when it is not empty, makes the piece one of rows that are gone: those
	// that Gone names and Deletes does not. With All it is all but Deletes.
	Gone []read.DeleteFile `json:"gone,omitempty"`
	All  bool              `json:"all,omitempty"`
	// Number orders the splits of a stream.
	Number int64 `json:"number,omitempty"`

	lower map[int][]byte // bounds of the file's columns, where it was planned
}

// removes reports whether the rows of the piece are taken back.
func (p *piece) removes() bool { return p.All || len(p.Gone) > 0 }

// newPiece describes what a task reads, which must be of a kind that can be read.
func newPiece(t *table.Table, snapshot int64, task table.FileScanTask) (*piece, error) {
	f := task.File
	if f.FileFormat() != ice.ParquetFile {
		return nil, fmt.Errorf("%w: data file %s: it is of format %s, and only Parquet can be read; rewrite it with the program that wrote it",
			job.ErrInvalid, f.FilePath(), f.FileFormat())
	}
	if len(f.KeyMetadata()) > 0 {
		return nil, fmt.Errorf("%w: data file %s: it is encrypted, and encrypted files cannot be read", job.ErrInvalid, f.FilePath())
	}
	p := &piece{
		File: f.FilePath(), Start: task.Start, End: task.Start + task.Length, Rows: f.Count(), Snapshot: snapshot,
		lower: f.LowerBoundValues(),
	}
	if task.Length <= 0 {
		p.End = f.FileSizeBytes()
	}
	var err error
	if p.Constants, err = constantsOf(t, f); err != nil {
		return nil, err
	}
	p.Deletes, err = deletesOf(task)
	return p, err
}

// constantsOf gives the values of the identity fields of the file's partition.
func constantsOf(t *table.Table, f ice.DataFile) (map[int]read.Value, error) {
	spec := t.Metadata().PartitionSpecByID(int(f.SpecID()))
	if spec == nil {
		return nil, fmt.Errorf("%w: data file %s: the table has no partition spec %d", job.ErrInvalid, f.FilePath(), f.SpecID())
	}
	var out map[int]read.Value
	schemas := read.SchemasOf(t, nil)
	for _, field := range spec.Fields() {
		if _, is := field.Transform.(ice.IdentityTransform); !is {
			continue
		}
		column, ok := read.FieldByID(schemas, field.SourceID())
		if !ok {
			continue
		}
		v, err := read.ValueOf(f.Partition()[field.FieldID], column.Type)
		if err != nil {
			return nil, fmt.Errorf("data file %s: partition field %q: %w", f.FilePath(), field.Name, err)
		}
		if out == nil {
			out = map[int]read.Value{}
		}
		out[field.SourceID()] = v
	}
	return out, nil
}

// deletesOf describes the delete files of a task. A deletion vector replaces
// the position deletes of its file.
func deletesOf(task table.FileScanTask) ([]read.DeleteFile, error) {
	var out []read.DeleteFile
	for _, d := range task.DeletionVectorFiles {
		if d.ContentOffset() == nil || d.ContentSizeInBytes() == nil {
			return nil, fmt.Errorf("%w: deletion vector of %s in %s: the manifest does not say where it stands", job.ErrInvalid, task.File.FilePath(), d.FilePath())
		}
		out = append(out, read.DeleteFile{
			Kind: read.ByBitmap, File: d.FilePath(), Rows: d.Count(),
			Offset: *d.ContentOffset(), Size: *d.ContentSizeInBytes(),
		})
	}
	if len(out) == 0 {
		for _, d := range task.DeleteFiles {
			out = append(out, read.DeleteFile{Kind: read.ByPositions, File: d.FilePath(), Rows: d.Count()})
		}
	}
	for _, d := range task.EqualityDeleteFiles {
		out = append(out, read.DeleteFile{Kind: read.ByKeyValues, File: d.FilePath(), Rows: d.Count(), IDs: d.EqualityFieldIDs()})
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

// split makes a split of the piece.
func (p *piece) split() (ops.Split, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return ops.Split{}, err
	}
	kind := ""
	if p.removes() {
		kind = "-"
	}
	return ops.Split{ID: fmt.Sprintf("%s%s#%d@%d", kind, p.File, p.Start, p.Snapshot), Position: b}, nil
}

// parsePiece reads a position: the piece, its bytes, and the row group and row
// to go on at.
func parsePiece(position []byte) (p *piece, head []byte, group int, row int64, err error) {
	head = position
	if end := bytes.LastIndexByte(position, '}'); end >= 0 && end+1 < len(position) {
		head = position[:end+1]
		if n, err := fmt.Sscanf(string(position[end+1:]), "@%d/%d", &group, &row); n != 2 {
			return nil, nil, 0, 0, fmt.Errorf("%w: its position %q: %w", job.ErrInvalid, position[end+1:], err)
		}
	}
	p = &piece{}
	if err := json.Unmarshal(head, p); err != nil {
		return nil, nil, 0, 0, fmt.Errorf("%w: its position: %w", job.ErrInvalid, err)
	}
	if p.File == "" || strings.ContainsRune(p.File, 0) {
		return nil, nil, 0, 0, fmt.Errorf("%w: its position names no data file", job.ErrInvalid)
	}
	return p, head, group, row, nil
}
