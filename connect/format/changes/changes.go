// Package changes reads messages that say how the rows of a table change, as
// Debezium, Canal, Maxwell and Oracle GoldenGate write them in JSON.
package changes

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

var dialects = map[string]dialect{"debezium-json": debezium, "canal-json": canal, "maxwell-json": maxwell, "ogg-json": ogg}

// Names are the names of the formats.
func Names() []string { return slices.Sorted(maps.Keys(dialects)) }

// Options are those of the format called name.
func Options(name string) []ops.Option {
	o := []ops.Option{
		{Key: name + ".ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
		{Key: name + ".timestamp-format.standard", Default: "SQL", Help: "How times are written, SQL or ISO-8601; both are read."},
		{Key: name + ".encode.ignore-null-fields", Default: "false", Help: "Leave columns out that are NULL, when rows are written."},
	}
	switch name {
	case "debezium-json":
		o = append(o, ops.Option{Key: name + ".schema-include", Default: "false", Help: "Whether messages hold their schema, and the change under payload."})
	case "canal-json":
		o = append(o,
			ops.Option{Key: name + ".database.include", Help: "A regular expression for the databases whose changes are read."},
			ops.Option{Key: name + ".table.include", Help: "A regular expression for the tables whose changes are read."})
	}
	return o
}

// Decoder appends the rows of messages to columns, with how each changes the table.
// Of a message that has a bad row, no row is kept. It belongs to one goroutine.
type Decoder struct {
	reader *Reader
	rows   *json.Decoder
	kinds  []stream.RowKind
}

// New returns a decoder of the format called name.
func New(name string, schema *arrow.Schema, paths [][]string, options map[string]string) (*Decoder, error) {
	m, err := NewReader(name, options)
	if err != nil {
		return nil, err
	}
	rows, err := json.New(schema, paths, json.Options{})
	return &Decoder{reader: m, rows: rows}, err
}

// Append adds the changes of a message, of which there may be none.
func (d *Decoder) Append(message []byte) error {
	changes, err := d.reader.changes(message)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := d.rows.AppendOver(c.row, c.over); err != nil {
			d.rows.Truncate(len(d.kinds))
			return err
		}
	}
	for _, c := range changes {
		d.kinds = append(d.kinds, c.kind)
	}
	return nil
}

// Rows is how many rows were added since the last Record.
func (d *Decoder) Rows() int { return d.rows.Rows() }

// Truncate takes back all but the first rows.
func (d *Decoder) Truncate(rows int) {
	d.rows.Truncate(rows)
	d.kinds = d.kinds[:rows]
}

// Bytes is how much memory the rows take, about.
func (d *Decoder) Bytes() int { return d.rows.Bytes() }

// Record returns the rows and begins anew. Its memory is of alloc.
func (d *Decoder) Record(alloc memory.Allocator) arrow.RecordBatch {
	d.kinds = nil
	return d.rows.Record(alloc)
}

// Kinds are the changes of the rows so far; the caller may keep them.
func (d *Decoder) Kinds() []stream.RowKind { return d.kinds }

// Reader takes messages apart.
type Reader struct {
	dialect
	wrapped  bool // in payload
	includes map[string]*regexp.Regexp
}

// NewReader returns a reader of the format called name.
func NewReader(name string, options map[string]string) (*Reader, error) {
	m := &Reader{dialect: dialects[name], includes: map[string]*regexp.Regexp{}}
	var err error
	if m.wrapped, err = flag(options, name+".schema-include"); err != nil {
		return nil, err
	}
	for _, member := range []string{"database", "table"} {
		key := name + "." + member + ".include"
		if text := options[key]; text != "" {
			if m.includes[member], err = regexp.Compile("^(?:" + text + ")$"); err != nil {
				return nil, fmt.Errorf("%w: option '%s' = '%s': %w", job.ErrInvalid, key, text, err)
			}
		}
	}
	return m, nil
}

// changes are those of one message; none for one that tells of none.
func (m *Reader) changes(message []byte) ([]change, error) {
	v := jsontext.Value(message)
	if !v.IsValid() {
		return nil, errors.New("not JSON")
	}
	if m.wrapped {
		if v = payload(v); v == nil {
			return nil, errors.New("no payload; a message without its schema is read with 'debezium-json.schema-include' = 'false'")
		}
	}
	if v.Kind() == 'n' { // a tombstone
		return nil, nil
	}
	if v.Kind() != '{' {
		return nil, errors.New("not a JSON object")
	}
	values := make([]jsontext.Value, len(m.fields))
	included := true
	err := json.EachMember(v, func(name string, x jsontext.Value) error {
		if re := m.includes[name]; re != nil {
			text, err := scalarText(x)
			if err != nil {
				return err
			}
			included = included && re.MatchString(text)
		}
		for i, f := range m.fields {
			if name == f && x.Kind() != 'n' {
				values[i] = bytes.Clone(x)
			}
		}
		return nil
	})
	if err != nil || !included {
		return nil, err
	}
	return m.read(values)
}

// Rows gives the rows that a message tells of to f, as JSON objects.
func (m *Reader) Rows(message []byte, f func(row jsontext.Value) error) error {
	changes, err := m.changes(message)
	for i := 0; i < len(changes) && err == nil; i++ {
		err = f(changes[i].row)
	}
	return err
}

// payload is that member of a message.
func payload(v jsontext.Value) (p jsontext.Value) {
	if v.Kind() != '{' {
		return nil
	}
	if err := json.EachMember(v, func(name string, x jsontext.Value) error {
		if name == "payload" {
			p = bytes.Clone(x)
		}
		return nil
	}); err != nil {
		return nil
	}
	return p
}

func flag(options map[string]string, key string) (bool, error) {
	text := options[key]
	if text == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return false, fmt.Errorf("%w: option '%s' = '%s': want true or false", job.ErrInvalid, key, text)
	}
	return b, nil
}

// scalarText is the text of a string, or any other value as it is written.
func scalarText(v jsontext.Value) (string, error) {
	if v.Kind() != '"' {
		return string(v), nil
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err
}
