package upsert

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	iceio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	"github.com/apache/iceberg-go/table/dv"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Deletions are the rows that an epoch takes out of data files.
type Deletions struct {
	// rows are those that the epoch's changes replace or delete, by path. Where
	// others have moved them, they are deleted at their new place.
	rows map[string]positions
	// copies are rows of others whose key has a newer row: they go if they are
	// still where they were. What was moved is looked at again.
	copies map[string]positions
}

// NewDeletions has no rows.
func NewDeletions() Deletions {
	return Deletions{rows: map[string]positions{}, copies: map[string]positions{}}
}

func (d Deletions) empty() bool { return len(d.rows)+len(d.copies) == 0 }

// A committable of deletions:
//
//	byte 0      version, 2
//	bytes 1–16  UUID of the table
//	byte 17     0: the deletions follow; 1: the path of a file that holds them
//	rest        for each data file: its path and its positions as in a deletion
//	            vector, both with their length in front (uvarint), that of the path
//	            doubled, and one more for copies
const deletionsVersion = 2

// maxInline is how many bytes of deletions are in a committable itself, and so
// in the manifest of a checkpoint.
const maxInline = 16 << 10

// join adds bits, which it takes over, to those of a path.
func join(to map[string]positions, path string, bits positions) {
	if have := to[path]; have != nil {
		have.Or(bits)
		return
	}
	to[path] = bits
}

func (d Deletions) encode() (b []byte, err error) {
	for copies, of := range []map[string]positions{d.rows, d.copies} {
		for _, path := range slices.Sorted(maps.Keys(of)) {
			bits, err := dv.SerializeDV(of[path])
			if err != nil {
				return nil, fmt.Errorf("deletions in %s: %w", path, err)
			}
			b = binary.AppendUvarint(b, uint64(2*len(path)+copies))
			b = append(b, path...)
			b = binary.AppendUvarint(b, uint64(len(bits)))
			b = append(b, bits...)
		}
	}
	return b, nil
}

// merge adds what encode has written.
func (d Deletions) merge(b []byte) error {
	bad := fmt.Errorf("%w: deletions are cut off", job.ErrInvalid)
	for len(b) > 0 {
		head, size := binary.Uvarint(b)
		if size <= 0 || head/2 > uint64(len(b)-size) {
			return bad
		}
		b = b[size:]
		path := string(b[:head/2])
		b = b[head/2:]
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return bad
		}
		bits, err := dv.DeserializeDV(b[size:size+int(n)], -1)
		if err != nil {
			return fmt.Errorf("%w: deletions in %s: %w", job.ErrInvalid, path, err)
		}
		b = b[size+int(n):]
		if head%2 == 1 {
			join(d.copies, path, bits)
		} else {
			join(d.rows, path, bits)
		}
	}
	return nil
}

// committable makes the receipt for d. What is large is staged in a file of its
// own, which the committer removes.
func (d Deletions) committable(t *table.Table, files iceio.WriteFileIO, where table.LocationProvider, tag string) (ops.Committable, error) {
	b, err := d.encode()
	if err != nil {
		return nil, err
	}
	id := t.Metadata().TableUUID()
	out := append([]byte{deletionsVersion}, id[:]...)
	if len(b) <= maxInline {
		return append(append(out, 0), b...), nil
	}
	path := where.NewDataLocation(fmt.Sprintf("%s-%s.deletions", tag, uuid.New()))
	if err := files.WriteFile(path, b); err != nil {
		return nil, err
	}
	return append(append(out, 1), path...), nil
}

// IsDeletions tells a committable of deletions from one of a data file.
func IsDeletions(c ops.Committable) bool { return len(c) > 17 && c[0] == deletionsVersion }

// StagedAt is the file that holds a committable's deletions, or "".
func StagedAt(c ops.Committable) string {
	if IsDeletions(c) && c[17] == 1 {
		return string(c[18:])
	}
	return ""
}

// mergeCommittable adds the deletions of a committable.
func (d Deletions) mergeCommittable(t *table.Table, files iceio.IO, c ops.Committable) error {
	if id := t.Metadata().TableUUID(); !bytes.Equal(c[1:17], id[:]) {
		return fmt.Errorf("%w: the table was dropped and created again since rows were deleted from it (now %s)", job.ErrInvalid, id)
	}
	path := StagedAt(c)
	if path == "" {
		return d.merge(c[18:])
	}
	b, err := files.(iceio.ReadFileIO).ReadFile(path)
	if err != nil {
		return fmt.Errorf("staged deletions: %w", err)
	}
	return d.merge(b)
}
