package confluent

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Rows writes rows as the bytes that stand behind the id of their schema.
type Rows interface {
	Fill(columns []arrow.Array)
	Append(dst []byte, row int, kind stream.RowKind) ([]byte, error)
	Drop()
}

// Encoder writes rows with a schema that it registers.
type Encoder struct {
	Rows
	registry *registry.Registry
	subject  string
	schema   sr.Schema
	head     []byte
}

// NewEncoder returns an encoder of what rows writes, whose schema is registered under
// subject, which is an option of the format.
func NewEncoder(r *registry.Registry, format, subject string, schema sr.Schema, rows Rows) (*Encoder, error) {
	if subject == "" {
		return nil, fmt.Errorf("%w: under which subject the schema is registered must be said: '%s.subject'", job.ErrInvalid, format)
	}
	return &Encoder{Rows: rows, registry: r, subject: subject, schema: schema}, nil
}

// Start registers the schema.
func (e *Encoder) Start(ctx context.Context) error {
	id, err := e.registry.Register(ctx, e.subject, e.schema)
	e.head = registry.AppendHeader(nil, id)
	if e.schema.Type == sr.TypeProtobuf {
		e.head = append(e.head, 0) // the first message of the schema
	}
	return err
}

// Append appends the message of a row.
func (e *Encoder) Append(dst []byte, row int, kind stream.RowKind) ([]byte, error) {
	return e.Rows.Append(append(dst, e.head...), row, kind)
}
