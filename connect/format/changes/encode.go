package changes

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// frame is what stands around a row that comes, and around one that goes.
type frame struct{ comes, behind, goes, gone string }

// frames are those of the formats, as Flink writes them: an update is a row that goes
// and one that comes.
var frames = map[string]frame{
	"debezium-json": {`{"before":null,"after":`, `,"op":"c"}`, `{"before":`, `,"after":null,"op":"d"}`},
	"canal-json":    {`{"data":[`, `],"type":"INSERT"}`, `{"data":[`, `],"type":"DELETE"}`},
	"maxwell-json":  {`{"data":`, `,"type":"insert"}`, `{"data":`, `,"type":"delete"}`},
	"ogg-json":      {`{"before":null,"after":`, `,"op_type":"I"}`, `{"before":`, `,"after":null,"op_type":"D"}`},
}

// Writes reports whether the format called name writes changes.
func Writes(name string) bool { return frames[name] != frame{} }

// Encoder writes rows as messages that say how each changes the table.
type Encoder struct {
	*json.Encoder
	frame frame
}

// NewEncoder returns an encoder of the format called name for rows of schema.
func NewEncoder(name string, schema *arrow.Schema, options map[string]string) (*Encoder, error) {
	if key := name + ".schema-include"; strings.EqualFold(options[key], "true") {
		return nil, fmt.Errorf("%w: option '%s' = 'true': changes are written without their schema", job.ErrInvalid, key)
	}
	rows, err := json.NewEncoder(schema, name+".", options)
	return &Encoder{Encoder: rows, frame: frames[name]}, err
}

// Append appends a row of what the encoder was filled with, and how it changes the
// table.
func (e *Encoder) Append(dst []byte, row int, kind stream.RowKind) ([]byte, error) {
	f := e.frame
	if kind.Retracts() {
		return append(e.Encoder.Append(append(dst, f.goes...), row), f.gone...), nil
	}
	return append(e.Encoder.Append(append(dst, f.comes...), row), f.behind...), nil
}
