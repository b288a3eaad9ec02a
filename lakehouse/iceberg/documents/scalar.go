package documents

import (
	"bytes"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// decimal is a number with so many digits behind the point, and how many digits
// it has then; it must not need more behind the point.
func (n *node) decimal(scale int) (decimal128.Num, int, bool) {
	var zero decimal128.Num
	if n.kind != '0' || bytes.ContainsAny(n.raw, "eE") {
		return zero, 0, false
	}
	whole, fraction, _ := bytes.Cut(bytes.TrimPrefix(n.raw, []byte("-")), []byte("."))
	fraction = bytes.TrimRight(fraction, "0")
	digits := len(bytes.TrimLeft(whole, "0")) + scale
	if len(fraction) > scale || digits > 38 {
		return zero, 0, false
	}
	v, err := decimal128.FromString(string(n.raw), 38, int32(scale))
	return v, max(digits, 1), err == nil
}

func (n *node) date() (arrow.Date32, bool) {
	if n.kind != '"' {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, string(n.text))
	return arrow.Date32FromTime(t), err == nil
}

// time reads a time as ISO 8601 has it, with an offset where zoned; a space may
// stand for the T.
func (n *node) time(zoned bool) (time.Time, bool) {
	if n.kind != '"' || len(n.text) < 11 {
		return time.Time{}, false
	}
	layout := "2006-01-02T15:04:05.999999999"
	if n.text[10] == ' ' {
		layout = "2006-01-02 15:04:05.999999999"
	}
	if zoned {
		layout += "Z07:00"
	}
	t, err := time.Parse(layout, string(n.text))
	return t, err == nil
}

// Append adds a value that fits to a column.
func (d *Documents) Append(b array.Builder, n int32) error {
	if d.null(n) {
		b.AppendNull()
		return nil
	}
	v := &d.nodes[n]
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		st := b.Type().(*arrow.StructType)
		for i, f := range st.Fields() {
			if err := d.Append(b.FieldBuilder(i), d.Child(n, f.Name)); err != nil {
				return err
			}
		}
		return nil
	case *array.MapBuilder:
		b.Append(true)
		for c := v.first; c != nothing; c = d.nodes[c].next {
			b.KeyBuilder().(*array.StringViewBuilder).Append(string(d.nodes[c].name))
			if err := d.Append(b.ItemBuilder(), c); err != nil {
				return err
			}
		}
		return nil
	case *array.ListBuilder:
		b.Append(true)
		for c := v.first; c != nothing; c = d.nodes[c].next {
			if err := d.Append(b.ValueBuilder(), c); err != nil {
				return err
			}
		}
		return nil
	}
	if !v.appendTo(b) {
		return fmt.Errorf("value %.80s does not fit %s", v.raw, b.Type())
	}
	return nil
}

// appendTo adds a scalar.
func (n *node) appendTo(b array.Builder) bool {
	ok := true
	switch b := b.(type) {
	case *array.StringViewBuilder:
		if n.kind == '"' {
			b.Append(string(n.text))
		} else {
			b.Append(string(n.raw))
		}
	case *array.BooleanBuilder:
		b.Append(n.kind == 't')
	case *array.Int32Builder:
		var i int64
		i, ok = n.whole()
		b.Append(int32(i))
	case *array.Int64Builder:
		var i int64
		i, ok = n.whole()
		b.Append(i)
	case *array.Float32Builder:
		var f float64
		f, ok = n.float()
		b.Append(float32(f))
	case *array.Float64Builder:
		var f float64
		f, ok = n.float()
		b.Append(f)
	case *array.Decimal128Builder:
		var v decimal128.Num
		v, _, ok = n.decimal(int(b.Type().(*arrow.Decimal128Type).Scale))
		b.Append(v)
	case *array.Date32Builder:
		var v arrow.Date32
		v, ok = n.date()
		b.Append(v)
	case *array.TimestampBuilder:
		t := b.Type().(*arrow.TimestampType)
		at, is := n.time(t.TimeZone != "")
		v, err := arrow.TimestampFromTime(at, t.Unit)
		ok = is && err == nil
		b.Append(v)
	default:
		return false
	}
	return ok
}
