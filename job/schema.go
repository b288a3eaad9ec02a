package job

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Schema is an Arrow schema that can stand in a document. As JSON it is a list
// of column names and types for people, and the schema message of Arrow IPC
// for machines. The zero Schema has no columns.
type Schema struct{ *arrow.Schema }

type schemaDoc struct {
	Columns []string `json:"columns"`
	IPC     []byte   `json:"ipc"`
}

// MarshalJSON writes the columns and the IPC form; the zero Schema is null.
func (s Schema) MarshalJSON() ([]byte, error) {
	if s.Schema == nil {
		return []byte("null"), nil
	}
	var buf bytes.Buffer
	if err := ipc.NewWriter(&buf, ipc.WithSchema(s.Schema)).Close(); err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	doc := schemaDoc{IPC: buf.Bytes()}
	for _, f := range s.Fields() {
		doc.Columns = append(doc.Columns, f.Name+" "+f.Type.String())
	}
	return json.Marshal(doc)
}

// UnmarshalJSON reads the IPC form.
func (s *Schema) UnmarshalJSON(b []byte) error {
	s.Schema = nil
	if string(b) == "null" {
		return nil
	}
	var doc schemaDoc
	if err := json.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	r, err := ipc.NewReader(bytes.NewReader(doc.IPC))
	if err != nil {
		return fmt.Errorf("read schema: %w", err)
	}
	defer r.Release()
	s.Schema = r.Schema()
	return nil
}

// InputSchemas are the columns that reach v, by input.
func (g *Graph) InputSchemas(v VertexID) []*arrow.Schema {
	var in []*arrow.Schema
	for _, e := range g.Inputs(v) {
		rows := g.Vertices[e.From].Output
		if e.Schema != nil {
			rows = *e.Schema
		}
		in = append(in, rows.Schema)
	}
	return in
}
