package documents

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Documents are JSON values that have been read, all in one arena: a node knows
// its first child and its next sibling. Texts point into what was read.
type Documents struct {
	nodes []node
	buf   bytes.Buffer
	in    []byte // what is being read
	dec   *jsontext.Decoder
}

// nothing is the number of no node: of a value that is not there.
const nothing = int32(-1)

// node is a JSON value.
type node struct {
	kind  jsontext.Kind
	name  []byte // in an object
	raw   []byte // as it was written
	text  []byte // of a string
	first int32  // child
	next  int32  // sibling

	integer bool // a number without fraction and exponent that fits i
	i       int64
}

// Reset forgets all documents.
func (d *Documents) Reset() { d.nodes = d.nodes[:0] }

// Read reads one document and returns its number.
func (d *Documents) Read(text []byte) (int32, error) {
	d.in = text
	d.buf = *bytes.NewBuffer(text)
	if d.dec == nil {
		d.dec = jsontext.NewDecoder(&d.buf)
	} else {
		d.dec.Reset(&d.buf)
	}
	root, err := d.value(nil)
	if err != nil {
		return nothing, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nothing, errors.New("not JSON: something follows the value")
	}
	return root, nil
}

func (d *Documents) value(name []byte) (int32, error) {
	at := int32(len(d.nodes))
	kind := d.dec.PeekKind()
	d.nodes = append(d.nodes, node{kind: kind, name: name, first: nothing, next: nothing})
	if kind == '{' || kind == '[' {
		return at, d.nested(at)
	}
	v, err := d.dec.ReadValue()
	if err != nil {
		return nothing, err
	}
	end := int(d.dec.InputOffset())
	n := &d.nodes[at]
	n.raw = d.in[end-len(v) : end]
	switch kind {
	case '"':
		n.text, err = unquoted(n.raw)
	case '0':
		n.i, err = strconv.ParseInt(string(n.raw), 10, 64)
		n.integer, err = err == nil, nil
	default:
	}
	return at, err
}

// nested reads the children of an object or an array.
func (d *Documents) nested(at int32) error {
	object := d.nodes[at].kind == '{'
	if _, err := d.dec.ReadToken(); err != nil {
		return err
	}
	start, last := int(d.dec.InputOffset())-1, nothing
	for d.dec.PeekKind() != '}' && d.dec.PeekKind() != ']' {
		var name []byte
		if object {
			v, err := d.dec.ReadValue()
			if err != nil {
				return err
			}
			end := int(d.dec.InputOffset())
			if name, err = unquoted(d.in[end-len(v) : end]); err != nil {
				return err
			}
		}
		child, err := d.value(name)
		if err != nil {
			return err
		}
		if last == nothing {
			d.nodes[at].first = child
		} else {
			d.nodes[last].next = child
		}
		last = child
	}
	_, err := d.dec.ReadToken()
	d.nodes[at].raw = d.in[start:d.dec.InputOffset()]
	return err
}

// unquoted is the content of a JSON string: a part of it where it has no escapes.
func unquoted(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// Child is the member of an object with a name.
func (d *Documents) Child(object int32, name string) int32 {
	for c := d.nodes[object].first; c != nothing; c = d.nodes[c].next {
		if string(d.nodes[c].name) == name {
			return c
		}
	}
	return nothing
}

// null reports whether there is no value.
func (d *Documents) null(n int32) bool { return n == nothing || d.nodes[n].kind == 'n' }

// whole is the value of a number that has no fraction.
func (n *node) whole() (int64, bool) {
	if n.integer {
		return n.i, true
	}
	f, ok := n.float()
	return int64(f), ok && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

func (n *node) float() (float64, bool) {
	if n.kind != '0' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n.raw), 64)
	return f, err == nil
}

// Tells reports whether an object has a member that is not NULL.
func (d *Documents) Tells(object int32) bool {
	for c := d.nodes[object].first; c != nothing; c = d.nodes[c].next {
		if !d.null(c) {
			return true
		}
	}
	return false
}

// IsObject reports whether a document is an object.
func (d *Documents) IsObject(n int32) bool { return d.nodes[n].kind == '{' }
