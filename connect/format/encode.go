package format

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/connect/format/raw"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Encoder writes rows as messages. It belongs to one goroutine.
type Encoder interface {
	// Fill takes the columns of a batch, which are borrowed until Drop.
	Fill(columns []arrow.Array)
	// Append appends the message of a row, which changes the table as kind says.
	Append(dst []byte, row int, kind stream.RowKind) ([]byte, error)
	// Drop ends the use of what Fill was given.
	Drop()
}

// WritesChanges reports whether the format called name writes rows of every kind.
func WritesChanges(name string) bool { return all[name].Changes }

// Writing is what an encoder is made of.
type Writing struct {
	Schema  *arrow.Schema
	Options map[string]string
}

// inserts is an encoder of JSON objects.
type inserts struct{ *json.Encoder }

func newJSON(w Writing) (Encoder, error) {
	e, err := json.NewEncoder(w.Schema, "json.", w.Options)
	return inserts{e}, err
}

// Append implements Encoder.
func (e inserts) Append(dst []byte, row int, _ stream.RowKind) ([]byte, error) {
	return e.Encoder.Append(dst, row), nil
}

func newRaw(w Writing) (Encoder, error) {
	if n := w.Schema.NumFields(); n != 1 {
		return nil, fmt.Errorf("%w: the format raw has one column, not %d", job.ErrInvalid, n)
	}
	return raw.NewEncoder(w.Schema.Field(0))
}
