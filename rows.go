package wadi

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/job"
)

// Rows runs the Frame and yields its rows as structs. A column goes to the
// exported field of its name, whatever the case, or of the tag `wadi:"name"`;
// every field must have a column. Integers, floats, strings, bools, []byte,
// time.Time (dates and timestamps) and time.Duration (times and intervals)
// take the columns that fit into them; a column that may be NULL needs a
// pointer, or its NULLs become zero.
func Rows[T any](ctx context.Context, f *Frame) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		var fill []filler
		for rec, err := range f.All(ctx) {
			if err == nil && fill == nil {
				fill, err = fillers(reflect.TypeFor[T](), rec.Schema())
			}
			if err != nil {
				yield(zero, err)
				return
			}
			for i := range int(rec.NumRows()) {
				var row T
				v := reflect.ValueOf(&row).Elem()
				for _, fl := range fill {
					fl.set(v.Field(fl.field), rec.Column(fl.column), i)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// filler moves one column into one field.
type filler struct {
	field, column int
	set           func(to reflect.Value, from arrow.Array, row int)
}

func fillers(t reflect.Type, s *arrow.Schema) ([]filler, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w: rows go into structs, not into %v", job.ErrInvalid, t)
	}
	var all []filler
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("wadi")
		if name == "" {
			name = f.Name
		}
		column := -1
		for k, c := range s.Fields() {
			if strings.EqualFold(c.Name, name) {
				column = k
			}
		}
		if column < 0 {
			return nil, fmt.Errorf("%w: field %s of %v has no column; there are %s", job.ErrInvalid, f.Name, t, columnNames(s))
		}
		to, pointer := f.Type, f.Type.Kind() == reflect.Pointer
		if pointer {
			to = to.Elem()
		}
		set, err := setter(to, s.Field(column).Type)
		if err != nil {
			return nil, fmt.Errorf("%w: field %s of %v: %w", job.ErrInvalid, f.Name, t, err)
		}
		all = append(all, filler{field: i, column: column, set: nullable(set, pointer)})
	}
	return all, nil
}

func columnNames(s *arrow.Schema) string {
	names := make([]string, s.NumFields())
	for i, f := range s.Fields() {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

type set func(to reflect.Value, from arrow.Array, row int)

// nullable leaves the field alone at a NULL, and goes through a pointer.
func nullable(s set, pointer bool) set {
	return func(to reflect.Value, from arrow.Array, row int) {
		if from.IsNull(row) {
			return
		}
		if pointer {
			to.Set(reflect.New(to.Type().Elem()))
			to = to.Elem()
		}
		s(to, from, row)
	}
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// setter moves values of an Arrow type into a Go type.
func setter(to reflect.Type, from arrow.DataType) (set, error) {
	switch from := from.(type) {
	case *arrow.TimestampType:
		if to == timeType {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.Set(reflect.ValueOf(a.(*array.Timestamp).Value(i).ToTime(from.Unit)))
			}, nil
		}
	case *arrow.Date32Type:
		if to == timeType {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.Set(reflect.ValueOf(a.(*array.Date32).Value(i).ToTime()))
			}, nil
		}
	case *arrow.Time32Type:
		if to == durationType {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.SetInt(int64(a.(*array.Time32).Value(i)) * int64(from.Unit.Multiplier()))
			}, nil
		}
	case *arrow.DurationType:
		if to == durationType {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.SetInt(int64(a.(*array.Duration).Value(i)) * int64(from.Unit.Multiplier()))
			}, nil
		}
	case *arrow.Decimal128Type:
		if to.Kind() == reflect.Float64 {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.SetFloat(a.(*array.Decimal128).Value(i).ToFloat64(from.Scale))
			}, nil
		}
	}
	return plainSetter(to, from)
}

func plainSetter(to reflect.Type, from arrow.DataType) (set, error) {
	bad := fmt.Errorf("a column of type %v does not go into %v", from, to)
	switch to.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		width, ok := from.(arrow.FixedWidthDataType)
		if !ok || !arrow.IsInteger(from.ID()) || width.BitWidth() > to.Bits() || to == durationType {
			return nil, bad
		}
		return func(v reflect.Value, a arrow.Array, i int) { v.SetInt(integerAt(a, i)) }, nil
	case reflect.Float32, reflect.Float64:
		switch from.ID() {
		case arrow.FLOAT32:
			return func(v reflect.Value, a arrow.Array, i int) { v.SetFloat(float64(a.(*array.Float32).Value(i))) }, nil
		case arrow.FLOAT64:
			if to.Kind() == reflect.Float64 {
				return func(v reflect.Value, a arrow.Array, i int) { v.SetFloat(a.(*array.Float64).Value(i)) }, nil
			}
		}
	case reflect.String:
		if from.ID() == arrow.STRING || from.ID() == arrow.DECIMAL128 {
			return func(v reflect.Value, a arrow.Array, i int) { v.SetString(strings.Clone(a.ValueStr(i))) }, nil
		}
	case reflect.Bool:
		if from.ID() == arrow.BOOL {
			return func(v reflect.Value, a arrow.Array, i int) { v.SetBool(a.(*array.Boolean).Value(i)) }, nil
		}
	case reflect.Slice:
		if from.ID() == arrow.BINARY && to.Elem().Kind() == reflect.Uint8 {
			return func(v reflect.Value, a arrow.Array, i int) {
				v.SetBytes(append([]byte(nil), a.(*array.Binary).Value(i)...))
			}, nil
		}
	}
	return nil, bad
}

func integerAt(a arrow.Array, i int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return int64(a.Value(i))
	case *array.Int16:
		return int64(a.Value(i))
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	}
	panic(fmt.Sprintf("column of type %v as an integer", a.DataType()))
}
