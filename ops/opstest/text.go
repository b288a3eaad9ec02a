package opstest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/stream"
)

var plainTypes = map[string]arrow.DataType{
	"boolean":   arrow.FixedWidthTypes.Boolean,
	"tinyint":   arrow.PrimitiveTypes.Int8,
	"smallint":  arrow.PrimitiveTypes.Int16,
	"int":       arrow.PrimitiveTypes.Int32,
	"bigint":    arrow.PrimitiveTypes.Int64,
	"float":     arrow.PrimitiveTypes.Float32,
	"double":    arrow.PrimitiveTypes.Float64,
	"string":    arrow.BinaryTypes.StringView,
	"bytes":     arrow.BinaryTypes.BinaryView,
	"date":      arrow.FixedWidthTypes.Date32,
	"time":      arrow.FixedWidthTypes.Time32ms,
	"timestamp": arrow.FixedWidthTypes.Timestamp_ms,
}

// Schema reads "name type [not null], …"; types are Flink's, in lower case.
func Schema(text string) (*arrow.Schema, error) {
	var fields []arrow.Field
	for _, col := range splitOutside(text, ',') {
		words := strings.Fields(col)
		if len(words) < 2 {
			return nil, fmt.Errorf("column %q: want name and type", col)
		}
		t, err := Type(words[1])
		if err != nil {
			return nil, err
		}
		fields = append(fields, arrow.Field{Name: words[0], Type: t, Nullable: len(words) == 2})
	}
	return arrow.NewSchema(fields, nil), nil
}

// Type reads a type's name: bigint, decimal(10,2), timestamp(6), timestamp_ltz(3) and so on.
func Type(s string) (arrow.DataType, error) {
	if t, ok := plainTypes[s]; ok {
		return t, nil
	}
	var p, scale int32
	if _, err := fmt.Sscanf(s, "decimal(%d,%d)", &p, &scale); err == nil {
		return &arrow.Decimal128Type{Precision: p, Scale: scale}, nil
	}
	zone := ""
	name, _, _ := strings.Cut(s, "(")
	if name == "timestamp_ltz" {
		zone = "UTC"
	}
	if _, err := fmt.Sscanf(s, name+"(%d)", &p); err == nil && strings.HasPrefix(name, "timestamp") {
		unit := arrow.Millisecond
		if p > 6 {
			unit = arrow.Nanosecond
		} else if p > 3 {
			unit = arrow.Microsecond
		}
		return &arrow.TimestampType{Unit: unit, TimeZone: zone}, nil
	}
	return nil, fmt.Errorf("no type %q", s)
}

// splitOutside cuts s at sep outside of parentheses and quotes, and trims.
func splitOutside(s string, sep byte) []string {
	var parts []string
	depth, quoted, from := 0, false, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == sep && depth == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	parts = append(parts, s[from:])
	out := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// row is one row of text: a value per column, as text.
type row struct {
	kind   stream.RowKind
	values []string
}

const null = "NULL"

var kinds = map[string]stream.RowKind{
	"+I": stream.Insert, "-U": stream.UpdateBefore, "+U": stream.UpdateAfter, "-D": stream.Delete,
}

func parseRow(line string, schema *arrow.Schema) (row, error) {
	words := splitOutside(line, ' ')
	kind, ok := kinds[words[0]]
	if !ok || len(words)-1 != schema.NumFields() {
		return row{}, fmt.Errorf("row %q: want a kind and %d values", line, schema.NumFields())
	}
	return row{kind: kind, values: words[1:]}, nil
}

// batch builds the rows; Kinds is nil when all are inserts.
func batch(alloc memory.Allocator, schema *arrow.Schema, rows []row) (*stream.Batch, error) {
	rb := array.NewRecordBuilder(alloc, schema)
	defer rb.Release()
	var rowKinds []stream.RowKind
	for i, r := range rows {
		if r.kind != stream.Insert && rowKinds == nil {
			rowKinds = make([]stream.RowKind, len(rows))
		}
		if rowKinds != nil {
			rowKinds[i] = r.kind
		}
		for c, v := range r.values {
			if err := appendText(rb.Field(c), schema.Field(c).Type, v); err != nil {
				return nil, fmt.Errorf("column %s: %w", schema.Field(c).Name, err)
			}
		}
	}
	b := stream.NewBatch(rb.NewRecordBatch())
	b.Kinds = rowKinds
	return b, nil
}

func appendText(b array.Builder, t arrow.DataType, s string) error {
	if s == null {
		b.AppendNull()
		return nil
	}
	if ts, ok := t.(*arrow.TimestampType); ok {
		at, err := parseTime(s)
		if err != nil {
			return err
		}
		v, err := arrow.TimestampFromTime(at, ts.Unit)
		if err != nil {
			return err
		}
		b.(*array.TimestampBuilder).Append(v)
		return nil
	}
	if bin, ok := b.(*array.BinaryViewBuilder); ok {
		bin.AppendString(strings.Trim(s, "'"))
		return nil
	}
	return b.AppendValueFromString(strings.Trim(s, "'"))
}

// parseTime reads MM:SS[.f], HH:MM:SS[.f] or 2006-01-02T15:04:05[.f], UTC.
func parseTime(s string) (time.Time, error) {
	full := s
	switch {
	case strings.Contains(s, "T"):
	case strings.Count(s, ":") == 1:
		full = "1970-01-01T00:" + s
	default:
		full = "1970-01-01T" + s
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05", full, time.UTC)
	if err != nil {
		return t, fmt.Errorf("time %q: want MM:SS, HH:MM:SS or 2006-01-02T15:04:05", s)
	}
	return t, nil
}

func formatTime(t time.Time) string {
	t = t.UTC()
	switch h := t.Sub(time.Unix(0, 0)); {
	case h >= 0 && h < time.Hour:
		return t.Format("04:05.999999999")
	case h >= 0 && h < 24*time.Hour:
		return t.Format("15:04:05.999999999")
	}
	return t.Format("2006-01-02T15:04:05.999999999")
}

// value is the text of one value; it reads back as the same value.
func value(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return null
	}
	switch a := a.(type) {
	case *array.Timestamp:
		return formatTime(a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit))
	case *array.BinaryView:
		return quote(string(a.Value(i)))
	case *array.Float64:
		return strconv.FormatFloat(a.Value(i), 'g', -1, 64)
	}
	return quote(a.ValueStr(i))
}

func quote(s string) string {
	if s == "" || s == null || strings.ContainsAny(s, " ,()") {
		return "'" + s + "'"
	}
	return s
}

// lines are the rows of b as text, one per row.
func lines(b *stream.Batch) []string {
	out := make([]string, b.Len())
	for i := range out {
		words := []string{b.Kind(i).String()}
		for _, c := range b.Rows.Columns() {
			words = append(words, value(c, i))
		}
		out[i] = strings.Join(words, " ")
	}
	return out
}
