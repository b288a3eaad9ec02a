package rowfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/go-json-experiment/json/jsontext"

	jsonformat "github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var jsonOptions = []ops.Option{
	{Key: "json.fail-on-missing-field", Default: "false", Help: "Whether a row without a field of the table is bad."},
	{Key: "json.ignore-parse-errors", Default: "false", Help: "The same as 'error.policy' = 'skip'."},
	{Key: "json.timestamp-format.standard", Default: "SQL", Help: "SQL or ISO-8601; both are read."},
}

// inferJSON takes the fields of the first rows, in the order in which they
// first come, and for each the narrowest type that fits.
func inferJSON(in input, _ settings) (*arrow.Schema, error) {
	lines := newLines(in.plain)
	root := &shape{}
	for row := range sampleRows {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := root.see(jsontext.Value(line)); err != nil {
			return nil, fmt.Errorf("%w: row %d: %w", job.ErrInvalid, row+1, err)
		}
	}
	st, ok := root.dataType().(*arrow.StructType)
	if !ok {
		return nil, fmt.Errorf("%w: the file holds no JSON objects", job.ErrInvalid)
	}
	return arrow.NewSchema(st.Fields(), nil), nil
}

// shape is what a JSON value looked like so far.
type shape struct {
	guess  guess
	text   bool // a string was seen
	names  []string
	fields map[string]*shape
	elem   *shape
}

func (s *shape) see(v jsontext.Value) error {
	switch v.Kind() {
	case '{':
		if s.fields == nil {
			s.fields = make(map[string]*shape)
		}
		return jsonformat.EachMember(v, func(name string, x jsontext.Value) error {
			f := s.fields[name]
			if f == nil {
				f = &shape{}
				s.fields[name] = f
				s.names = append(s.names, name)
			}
			return f.see(x)
		})
	case '[':
		if s.elem == nil {
			s.elem = &shape{}
		}
		return jsonformat.EachElement(v, s.elem.see)
	case '"':
		t, err := unquote(v)
		s.text = true
		s.guess.see(t)
		return err
	case 'n':
		return nil
	case '0', 't', 'f':
		s.guess.see(string(v))
		return nil
	}
	return fmt.Errorf("not JSON: %s", excerpt(v))
}

func (s *shape) dataType() arrow.DataType {
	switch {
	case s.fields != nil:
		fields := make([]arrow.Field, len(s.names))
		for i, n := range s.names {
			fields[i] = arrow.Field{Name: n, Type: s.fields[n].dataType(), Nullable: true}
		}
		return arrow.StructOf(fields...)
	case s.elem != nil:
		return arrow.ListOf(s.elem.dataType())
	case s.text:
		s.guess.notInt, s.guess.notFloat, s.guess.notBool = true, true, true
	}
	return s.guess.dataType()
}

// openJSON reads one object per line.
func openJSON(in input, at position, o settings) (decoder, error) {
	strict, err := o.flag("json.fail-on-missing-field", false)
	if err != nil {
		return nil, err
	}
	rows, err := jsonformat.New(o.schema, o.paths, jsonformat.Options{Strict: strict})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return openLines(in, at, rows, false)
}

func unquote(v jsontext.Value) (string, error) {
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err
}
