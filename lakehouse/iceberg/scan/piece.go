package scan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/ops"
)

// piece is what a split reads. It is the head of the split's position; behind it
// stands "@group/row", the next row to read.
type piece struct {
	read.DataFile
	Snapshot int64 `json:"snapshot"`
	// All makes the piece one of rows that are gone, as Gone does.
	All bool `json:"all,omitempty"`
	// Number orders the splits of a stream.
	Number int64 `json:"number,omitempty"`

	lower map[int][]byte // bounds of the file's columns, where it was planned
}

// removes reports whether the rows of the piece are taken back.
func (p *piece) removes() bool { return p.All || len(p.Gone) > 0 }

// newPiece describes what a task reads, which must be of a kind that can be read.
func newPiece(t *table.Table, snapshot int64, task table.FileScanTask) (*piece, error) {
	f, err := read.DataFileOf(t, task)
	return &piece{DataFile: f, Snapshot: snapshot, lower: task.File.LowerBoundValues()}, err
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
	return ops.Split{ID: fmt.Sprintf("%s%s#%d@%d", kind, p.Path, p.Start, p.Snapshot), Position: b}, nil
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
	if p.Path == "" || strings.ContainsRune(p.Path, 0) {
		return nil, nil, 0, 0, fmt.Errorf("%w: its position names no data file", job.ErrInvalid)
	}
	return p, head, group, row, nil
}
