// Package confluent reads and writes messages whose schemas are in a schema registry: a
// zero, the id of the schema, and the bytes that it tells.
//
//	message ─▶ id ─▶ program of that schema, made once ─▶ columns
//
// A schema that the registry does not know, or that does not go with the table, makes
// its messages bad. A registry that does not answer is asked again, and is an error of
// the job in the end.
package confluent

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi/connect/format/registry"
	"github.com/wadi-engine/wadi/internal/avro"
	"github.com/wadi-engine/wadi/stream"
)

// mostSchemas is how many schemas are kept; ids of bad messages would fill memory.
const mostSchemas = 4096

// cache has a program for each schema, or why there is none.
type cache[P any] struct {
	registry *registry.Registry
	compile  func(s sr.Schema, refs []registry.Reference) (P, error)
	by       map[int]program[P]
}

type program[P any] struct {
	p   P
	err error
}

func newCache[P any](r *registry.Registry, compile func(s sr.Schema, refs []registry.Reference) (P, error)) cache[P] {
	return cache[P]{registry: r, compile: compile, by: map[int]program[P]{}}
}

// Prepare asks for the schema of a message that has not been seen.
func (c *cache[P]) Prepare(ctx context.Context, message []byte) error {
	id, _, err := registry.Header(message)
	if err != nil {
		return nil // Append tells
	}
	if _, ok := c.by[id]; ok {
		return nil
	}
	if len(c.by) >= mostSchemas {
		clear(c.by)
	}
	s, refs, err := c.registry.Schema(ctx, id)
	if err != nil && !errors.Is(err, registry.ErrUnknown) {
		return err
	}
	x := program[P]{err: err}
	if err == nil {
		if x.p, err = c.compile(s, refs); err != nil {
			x.err = fmt.Errorf("schema %d: %w", id, err)
		}
	}
	c.by[id] = x
	return nil
}

// of is the program of a message, and its bytes.
func (c *cache[P]) of(message []byte) (p P, rest []byte, err error) {
	id, rest, err := registry.Header(message)
	if err != nil {
		return p, nil, err
	}
	x, ok := c.by[id]
	if !ok {
		panic("confluent: a message that was not prepared")
	}
	return x.p, rest, x.err
}

func texts(refs []registry.Reference) []string {
	var all []string
	for _, r := range refs {
		all = append(all, r.Schema)
	}
	return all
}

func isAvro(s sr.Schema) error {
	if s.Type != sr.TypeAvro {
		return fmt.Errorf("it is of %s, not of Avro", s.Type)
	}
	return nil
}

// Avro is a decoder of rows. It belongs to one goroutine.
type Avro struct {
	*avro.Decoder
	cache[*avro.Program]
}

// NewAvro returns a decoder for rows of schema, whose columns are found by their paths.
func NewAvro(r *registry.Registry, schema *arrow.Schema, paths [][]string) (*Avro, error) {
	d, err := avro.New(schema, paths)
	if err != nil {
		return nil, err
	}
	return &Avro{d, newCache(r, func(s sr.Schema, refs []registry.Reference) (*avro.Program, error) {
		if err := isAvro(s); err != nil {
			return nil, err
		}
		return d.Compile(s.Schema, texts(refs)...)
	})}, nil
}

// Append adds a message, for which Prepare was called.
func (a *Avro) Append(message []byte) error {
	p, rest, err := a.of(message)
	if err != nil {
		return err
	}
	return a.AppendAs(p, rest)
}

// Debezium is a decoder of changes. It belongs to one goroutine.
type Debezium struct {
	*avro.Decoder
	cache[*avro.Changes]
	kinds []stream.RowKind
}

// NewDebezium returns a decoder for rows of schema, whose columns are found by their
// paths.
func NewDebezium(r *registry.Registry, schema *arrow.Schema, paths [][]string) (*Debezium, error) {
	d, err := avro.New(schema, paths)
	if err != nil {
		return nil, err
	}
	return &Debezium{Decoder: d, cache: newCache(r, func(s sr.Schema, refs []registry.Reference) (*avro.Changes, error) {
		if err := isAvro(s); err != nil {
			return nil, err
		}
		return d.CompileChanges(s.Schema, texts(refs)...)
	})}, nil
}

// Append adds the changes of a message, for which Prepare was called.
func (d *Debezium) Append(message []byte) error {
	p, rest, err := d.of(message)
	if err == nil {
		d.kinds, err = d.AppendChanges(p, rest, d.kinds)
	}
	return err
}

// Truncate takes back all but the first rows.
func (d *Debezium) Truncate(rows int) {
	d.Decoder.Truncate(rows)
	d.kinds = d.kinds[:rows]
}

// Kinds are the changes of the rows so far; the caller may keep them.
func (d *Debezium) Kinds() []stream.RowKind { return d.kinds }

// Record returns the rows and begins anew. Its memory is of alloc.
func (d *Debezium) Record(alloc memory.Allocator) arrow.RecordBatch {
	d.kinds = nil
	return d.Decoder.Record(alloc)
}
