package render

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/stream"
)

// jsonFormat writes one object per line, its fields in the order of the columns.
// Integers and decimals are exact numbers; dates and times are texts with the
// precision of their types; bytes are base64; a map is an object.
type jsonFormat struct {
	op    bool
	names [][]byte // "name": with what stands before it
	cells []cell
}

func newJSON(schema *arrow.Schema, opts Options) rowFormat {
	j := &jsonFormat{op: opts.Op}
	for k, f := range schema.Fields() {
		var name []byte
		if k > 0 || opts.Op {
			name = append(name, ',')
		}
		j.names = append(j.names, append(appendQuoted(name, f.Name), ':'))
		j.cells = append(j.cells, jsonCell(f, opts.Zone))
	}
	return j
}

func (*jsonFormat) begin(dst []byte) []byte        { return dst }
func (*jsonFormat) end(dst []byte, _ int64) []byte { return dst }
func (j *jsonFormat) row(dst []byte, kind stream.RowKind, rec arrow.RecordBatch, i int) []byte {
	dst = append(dst, '{')
	if j.op {
		dst = append(dst, `"op":`...)
		dst = appendQuoted(dst, kind.String())
	}
	for k, c := range j.cells {
		dst = append(dst, j.names[k]...)
		dst = c(dst, rec.Column(k), i)
	}
	return append(dst, '}', '\n')
}

// jsonCell writes a value, NULL or not, as JSON.
func jsonCell(f arrow.Field, zone *time.Location) cell {
	inner := jsonValue(f, zone)
	return func(dst []byte, a arrow.Array, i int) []byte {
		if a.IsNull(i) {
			return append(dst, "null"...)
		}
		return inner(dst, a, i)
	}
}

func jsonValue(f arrow.Field, zone *time.Location) cell {
	if c := scalar(f); c != nil {
		return c
	}
	if c := moment(f, zone); c != nil {
		return func(dst []byte, a arrow.Array, i int) []byte {
			return append(c(append(dst, '"'), a, i), '"')
		}
	}
	switch t := f.Type.(type) {
	case *arrow.NullType:
		return func(dst []byte, _ arrow.Array, _ int) []byte { return append(dst, "null"...) }
	case *arrow.BooleanType:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return strconv.AppendBool(dst, a.(*array.Boolean).Value(i))
		}
	case *arrow.Float32Type:
		return func(dst []byte, a arrow.Array, i int) []byte {
			return jsonFloat(dst, float64(a.(*array.Float32).Value(i)), 32)
		}
	case *arrow.Float64Type:
		return func(dst []byte, a arrow.Array, i int) []byte { return jsonFloat(dst, a.(*array.Float64).Value(i), 64) }
	case *arrow.MapType:
		return jsonMap(t, zone)
	case *arrow.StructType:
		return jsonRow(t, zone)
	case arrow.ListLikeType:
		elem := jsonCell(t.ElemField(), zone)
		return func(dst []byte, a arrow.Array, i int) []byte {
			l := a.(array.ListLike)
			from, to := l.ValueOffsets(i)
			dst = append(dst, '[')
			for at := int(from); at < int(to); at++ {
				if at > int(from) {
					dst = append(dst, ',')
				}
				dst = elem(dst, l.ListValues(), at)
			}
			return append(dst, ']')
		}
	}
	if isBytes(f.Type) {
		return func(dst []byte, a arrow.Array, i int) []byte {
			dst = base64.StdEncoding.AppendEncode(append(dst, '"'), bytesOf(a, i))
			return append(dst, '"')
		}
	}
	return func(dst []byte, a arrow.Array, i int) []byte { return appendQuoted(dst, bytesOf(a, i)) }
}

// jsonFloat writes a number, or a text for the three values that JSON has no numbers for.
func jsonFloat(dst []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(appendFloat(append(dst, '"'), v, bits), '"')
	}
	return appendFloat(dst, v, bits)
}

func jsonRow(t *arrow.StructType, zone *time.Location) cell {
	members := make([]cell, t.NumFields())
	for k, f := range t.Fields() {
		members[k] = jsonCell(f, zone)
	}
	return func(dst []byte, a arrow.Array, i int) []byte {
		s := a.(*array.Struct)
		dst = append(dst, '{')
		for k, m := range members {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, t.Field(k).Name), ':')
			dst = m(dst, s.Field(k), i)
		}
		return append(dst, '}')
	}
}

// jsonMap writes an object; keys that are not texts are written as their text.
func jsonMap(t *arrow.MapType, zone *time.Location) cell {
	key, value := textMember(t.KeyField(), zone), jsonCell(t.ItemField(), zone)
	var scratch []byte
	return func(dst []byte, a arrow.Array, i int) []byte {
		m := a.(*array.Map)
		from, to := m.ValueOffsets(i)
		dst = append(dst, '{')
		for at := int(from); at < int(to); at++ {
			if at > int(from) {
				dst = append(dst, ',')
			}
			scratch = key(scratch[:0], m.Keys(), at)
			dst = append(appendQuoted(dst, scratch), ':')
			dst = value(dst, m.Items(), at)
		}
		return append(dst, '}')
	}
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON text. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
