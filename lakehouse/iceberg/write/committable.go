package write

import (
	"encoding/binary"
	"fmt"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/codec"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// A committable is one staged data file:
//
//	byte 0      version, 1
//	bytes 1–16  UUID of the table
//	uvarint     format version of the table
//	uvarint     id of the schema
//	uvarint     id of the partition spec
//	uvarint     bytes of the file
//	rest        the file's entry as Avro, iceberg-go's codec; nothing where the
//	            committable tells only that its writer has come to its end
const committableVersion = 1

// Staged is a committable whose entry has not been decoded yet.
type Staged struct {
	table   uuid.UUID
	version int
	schema  int
	spec    int
	Bytes   int64
	Entry   []byte
}

// Encode makes the receipt for a data file that is staged for t.
func Encode(t *table.Table, df ice.DataFile) (ops.Committable, error) {
	meta := t.Metadata()
	entry, err := codec.EncodeDataFile(df, t.Spec(), t.Schema(), meta.Version())
	if err != nil {
		return nil, fmt.Errorf("describe data file %s: %w", df.FilePath(), err)
	}
	id, spec := meta.TableUUID(), t.Spec()
	b := append([]byte{committableVersion}, id[:]...)
	for _, n := range []int64{int64(meta.Version()), int64(t.Schema().ID), int64(spec.ID()), df.FileSizeBytes()} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return append(b, entry...), nil
}

// endCommittable tells that a writer has come to its end.
func endCommittable(t *table.Table) ops.Committable {
	meta := t.Metadata()
	id := meta.TableUUID()
	b := append([]byte{committableVersion}, id[:]...)
	for _, n := range []int{meta.Version(), t.Schema().ID, t.Metadata().DefaultPartitionSpec(), 0} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// Decode reads a receipt.
func Decode(c ops.Committable) (Staged, error) {
	var s Staged
	if len(c) < 17 || c[0] != committableVersion {
		return s, fmt.Errorf("%w: a committable of %d bytes is not of version %d: it was written by another version of the engine",
			job.ErrInvalid, len(c), committableVersion)
	}
	copy(s.table[:], c[1:17])
	rest := []byte(c[17:])
	var numbers [4]uint64
	for i := range numbers {
		n, size := binary.Uvarint(rest)
		if size <= 0 {
			return s, fmt.Errorf("%w: a committable of %d bytes is cut off", job.ErrInvalid, len(c))
		}
		numbers[i], rest = n, rest[size:]
	}
	s.version, s.schema, s.spec, s.Bytes = int(numbers[0]), int(numbers[1]), int(numbers[2]), int64(numbers[3])
	s.Entry = rest
	return s, nil
}

// DataFile decodes the entry against the table as it is now.
func (s Staged) DataFile(t *table.Table) (ice.DataFile, error) {
	meta := t.Metadata()
	if meta.TableUUID() != s.table {
		return nil, fmt.Errorf("%w: the table was dropped and created again since rows were staged for it "+
			"(then %s, now %s); its rows are in files that no table names", job.ErrInvalid, s.table, meta.TableUUID())
	}
	var schema *ice.Schema
	for _, c := range meta.Schemas() {
		if c.ID == s.schema {
			schema = c
		}
	}
	if schema == nil {
		return nil, fmt.Errorf("%w: the table has lost schema %d, with which rows were staged", job.ErrInvalid, s.schema)
	}
	for _, spec := range meta.PartitionSpecs() {
		if spec.ID() == s.spec {
			df, err := codec.DecodeDataFile(s.Entry, spec, schema, s.version)
			if err != nil {
				return nil, fmt.Errorf("%w: read a staged file's entry: %w", job.ErrInvalid, err)
			}
			return df, nil
		}
	}
	return nil, fmt.Errorf("%w: the table has lost partition spec %d, with which rows were staged", job.ErrInvalid, s.spec)
}
