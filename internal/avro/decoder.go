// Package avro reads and writes rows as Avro's binary form. A schema and the columns
// that are wanted become a program of one node for each value on the wire, which
// appends it to its column or leaves it out; nothing is made in between.
//
//	{"auction": long, "price": ["null", long], "note": string}    columns auction, price
//	────▶ record [word → auction] [nullable [word → price]] [skip text]
//
// Fields are found by their names, so that a message of an older or newer schema gives
// what it has: what it lacks is NULL.
package avro

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/columns"
)

// Decoder appends messages to columns. It belongs to one goroutine.
type Decoder struct {
	*columns.Table
	paths [][]string
	own   *Program // of Append

	b     []byte // the message
	i     int    // what is next in it
	depth int
}

// Program reads messages of one schema.
type Program struct{ root *node }

// New returns a decoder for rows of schema, whose columns are found by their paths.
func New(schema *arrow.Schema, paths [][]string) (*Decoder, error) {
	t, err := columns.NewTable(schema)
	return &Decoder{Table: t, paths: paths}, err
}

// Plain returns a decoder of messages that are written with one schema, in JSON.
func Plain(text string, schema *arrow.Schema, paths [][]string) (*Decoder, error) {
	d, err := New(schema, paths)
	if err == nil {
		d.own, err = d.Compile(text)
	}
	return d, err
}

// Compile makes a program for messages that are written with a schema, in JSON, whose
// record is a row. It may name types of others.
func (d *Decoder) Compile(text string, others ...string) (*Program, error) {
	s, err := parseSchema(text, others...)
	if err != nil {
		return nil, err
	}
	if s.kind != record {
		return nil, fmt.Errorf("a schema of rows is a record, not a %s", s.kind)
	}
	c := newCompiler()
	root, err := c.record(s, d.wants())
	return &Program{root}, err
}

func (d *Decoder) wants() []want {
	var all []want
	for i, c := range d.Columns {
		all = append(all, want{d.paths[i], c})
	}
	return all
}

// Append adds a message of the decoder's own schema.
func (d *Decoder) Append(message []byte) error { return d.AppendAs(d.own, message) }

// AppendAs adds a message that a program reads.
func (d *Decoder) AppendAs(p *Program, message []byte) error {
	d.b, d.i, d.depth = message, 0, 0
	if err := d.record(p.root); err != nil {
		d.Undo()
		return err
	}
	d.Next()
	return nil
}

// AppendNext adds the message at the beginning of b, which a program reads, and
// returns what is behind it.
func (d *Decoder) AppendNext(p *Program, b []byte) (rest []byte, err error) {
	if err := d.AppendAs(p, b); err != nil {
		return b, err
	}
	return b[d.i:], nil
}

var (
	errShort  = errors.New("the message ends too early")
	errVarint = errors.New("a number of more than 10 bytes")
	errDeep   = errors.New("values are nested too deeply")
)

// varint reads a number as it is on the wire.
func (d *Decoder) varint() (uint64, error) {
	if d.i < len(d.b) && d.b[d.i] < 0x80 {
		d.i++
		return uint64(d.b[d.i-1]), nil
	}
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		if d.i >= len(d.b) {
			return 0, errShort
		}
		c := d.b[d.i]
		d.i++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
	return 0, errVarint
}

// long reads an int or a long.
func (d *Decoder) long() (int64, error) {
	v, err := d.varint()
	return int64(v>>1) ^ -int64(v&1), err
}

// take returns the next n bytes.
func (d *Decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.b)-d.i {
		return nil, errShort
	}
	d.i += n
	return d.b[d.i-n : d.i], nil
}

// bytes reads a text or bytes.
func (d *Decoder) bytes() ([]byte, error) {
	n, err := d.long()
	if err != nil {
		return nil, err
	}
	if n < 0 || n > int64(len(d.b)-d.i) {
		return nil, errShort
	}
	return d.take(int(n))
}
