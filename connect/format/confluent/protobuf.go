package confluent

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/wadi-engine/wadi/connect/format/protobuf"
	"github.com/wadi-engine/wadi/connect/format/registry"
)

// Protobuf is a decoder of Protobuf. Behind the id of its schema, a message says which
// message of the schema it is. It belongs to one goroutine.
type Protobuf struct {
	*protobuf.Decoder
	cache[*protoFile]
}

// protoFile is a schema, with programs for its messages by their indexes.
type protoFile struct {
	descriptor protoreflect.FileDescriptor
	by         map[string]program[*protobuf.Program]
}

// NewProtobuf returns a decoder for rows of schema, whose columns are found by their
// paths.
func NewProtobuf(r *registry.Registry, schema *arrow.Schema, paths [][]string, defaults bool) (*Protobuf, error) {
	d, err := protobuf.New(schema, paths, defaults)
	if err != nil {
		return nil, err
	}
	return &Protobuf{d, newCache(r, func(s sr.Schema, refs []registry.Reference) (*protoFile, error) {
		if s.Type != sr.TypeProtobuf {
			return nil, fmt.Errorf("it is of %s, not of Protobuf", s.Type)
		}
		imports := map[string]string{}
		for _, r := range refs {
			imports[r.Name] = r.Schema
		}
		f, err := protobuf.Parse(s.Schema, imports)
		return &protoFile{f, map[string]program[*protobuf.Program]{}}, err
	})}, nil
}

// Append adds a message, for which Prepare was called.
func (p *Protobuf) Append(message []byte) error {
	f, rest, err := p.of(message)
	if err != nil {
		return err
	}
	indexes, n, err := messageIndexes(rest)
	if err != nil {
		return err
	}
	x, ok := f.by[string(rest[:n])]
	if !ok {
		m, err := protobuf.At(f.descriptor, indexes)
		if err == nil {
			x.p, err = p.Compile(m)
		}
		if x.err = err; len(f.by) < mostSchemas {
			f.by[string(rest[:n])] = x
		}
	}
	if x.err != nil {
		return x.err
	}
	return p.AppendAs(x.p, rest[n:])
}

// mostIndexes is how deep a message may be within others.
const mostIndexes = 32

// messageIndexes reads which message of a schema follows, and how many bytes say so.
func messageIndexes(b []byte) (indexes []int, n int, err error) {
	count, n := binary.Varint(b)
	switch {
	case n <= 0 || count < 0 || count > mostIndexes:
		return nil, 0, errors.New("the message does not say which message of its schema it is")
	case count == 0:
		return []int{0}, n, nil // the first
	}
	for range count {
		i, k := binary.Varint(b[n:])
		if k <= 0 {
			return nil, 0, errors.New("the message does not say which message of its schema it is")
		}
		indexes, n = append(indexes, int(i)), n+k
	}
	return indexes, n, nil
}
