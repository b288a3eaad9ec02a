package rowfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
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

// maxBatch is how many bytes of values travel together, about.
const maxBatch = 64 << 20

// maxLine is the longest row of a JSON file: a longer one is an error, not a
// reason to fill the memory.
const maxLine = 64 << 20

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

// jsonDecoder reads one object per line.
type jsonDecoder struct {
	settings
	lines *lines
	at    position
	rows  *jsonformat.Decoder
}

func openJSON(in input, at position, o settings) (decoder, error) {
	r, err := in.from(at.Offset)
	if err != nil {
		return nil, err
	}
	strict, err := o.flag("json.fail-on-missing-field", false)
	if err != nil {
		return nil, err
	}
	return newJSONDecoder(r, at, o, strict)
}

func newJSONDecoder(r io.Reader, at position, o settings, strict bool) (*jsonDecoder, error) {
	rows, err := jsonformat.New(o.schema, o.paths, jsonformat.Options{Strict: strict})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", job.ErrInvalid, err)
	}
	return &jsonDecoder{settings: o, lines: newLines(r), at: at, rows: rows}, nil
}

func (d *jsonDecoder) next(alloc memory.Allocator, n int) (arrow.RecordBatch, []badRow, position, error) {
	var bad []badRow
	for d.rows.Rows() < n && d.rows.Bytes() < maxBatch {
		line, err := d.lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, d.at, err
		}
		d.at.Row++
		d.at.Offset += int64(d.lines.size)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if err := d.rows.Append(line); err != nil {
			bad = append(bad, badRow{d.at.Row, err.Error(), bytes.Clone(line)})
		}
	}
	if d.rows.Rows() == 0 {
		if len(bad) == 0 {
			return nil, nil, d.at, io.EOF
		}
		return nil, bad, d.at, nil
	}
	return d.rows.Record(alloc), bad, d.at, nil
}

func (d *jsonDecoder) close() error { return nil }

// lines cuts a text into lines.
type lines struct {
	r    *bufio.Reader
	long []byte
	size int // bytes of the last line, with its end
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 1<<20)} }

// next returns the next line without its end; it is valid until the next call.
func (l *lines) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if l.long = append(l.long, part...); len(l.long) > maxLine {
				return nil, fmt.Errorf("%w: a row is longer than %d bytes", job.ErrInvalid, maxLine)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		line := part
		if len(l.long) > 0 {
			l.long = append(l.long, part...)
			line = l.long
		}
		if l.size = len(line); l.size == 0 {
			return nil, io.EOF
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}

func unquote(v jsontext.Value) (string, error) {
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err
}
