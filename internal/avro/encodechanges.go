package avro

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// ChangesEncoder writes rows as messages of Debezium, as Flink does: a row that comes
// is a "c" with the row after, one that goes is a "d" with the row before. It belongs
// to one goroutine.
type ChangesEncoder struct {
	of *schema
	// before and after write rows; opNull and, by field, nulls are the branches of
	// null, or -1.
	before, after *writer
	opNull        int
	nulls         []int
}

// NewChangesEncoder returns an encoder for rows of s with a schema in JSON: a record with
// before, after and op. Its other fields are null.
func NewChangesEncoder(text string, s *arrow.Schema) (*ChangesEncoder, error) {
	of, err := parseSchema(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	e := &ChangesEncoder{of: of, opNull: -1}
	for _, name := range []string{"before", "after", "op"} {
		if of.kind != record || of.find(name) < 0 {
			return nil, fmt.Errorf("%w: the schema of changes is a record with before, after and op", job.ErrInvalid)
		}
	}
	for _, f := range of.fields {
		inner, null, nullable := f.schema.nullable()
		e.nulls = append(e.nulls, null)
		switch f.name {
		case "before", "after":
			if !nullable || inner.kind != record {
				return nil, fmt.Errorf("%w: field %s of the schema is to be null or a record", job.ErrInvalid, f.name)
			}
			w, err := newRecord(inner, s.Fields())
			if err != nil {
				return nil, fmt.Errorf("%w: field %s: %w", job.ErrInvalid, f.name, err)
			}
			if f.name == "before" {
				e.before = w
			} else {
				e.after = w
			}
		case "op":
			if nullable {
				e.opNull = null
			} else {
				inner = f.schema
			}
			if inner.kind != chars {
				return nil, fmt.Errorf("%w: field op of the schema is to be a string", job.ErrInvalid)
			}
		default:
			if !nullable {
				return nil, fmt.Errorf("%w: nothing is known for field %s of the schema, which may not be null", job.ErrInvalid, f.name)
			}
		}
	}
	return e, nil
}

// Fill takes the columns of a batch, which are borrowed until Drop.
func (e *ChangesEncoder) Fill(columns []arrow.Array) {
	e.before.fillFields(columns)
	e.after.fillFields(columns)
}

// Append appends the message of a row, which changes the table as kind says.
func (e *ChangesEncoder) Append(dst []byte, row int, kind stream.RowKind) ([]byte, error) {
	there, w, op := "after", e.after, "c"
	if kind.Retracts() {
		there, w, op = "before", e.before, "d"
	}
	for i, f := range e.of.fields {
		switch f.name {
		case there:
			var err error
			if dst, err = w.record(appendLong(dst, int64(1-e.nulls[i])), row); err != nil {
				return nil, err
			}
		case "op":
			if e.opNull >= 0 {
				dst = appendLong(dst, int64(1-e.opNull))
			}
			dst = appendText(dst, op)
		default:
			dst = appendLong(dst, int64(e.nulls[i]))
		}
	}
	return dst, nil
}

// Drop ends the use of the columns.
func (e *ChangesEncoder) Drop() {
	e.before.drop()
	e.after.drop()
}
