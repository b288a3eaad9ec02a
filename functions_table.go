package wadi

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
)

// TableFunction is a function in Go that gives rows, which SQL can call by its
// name: FROM t, LATERAL TABLE(f(t.a)) AS u (x, y).
type TableFunction struct {
	Name string
	// Args are types of SQL, as those of Function.
	Args []string
	// Result is the type of the rows: "ROW<word STRING, length INT>", or that of
	// their only column, such as "STRING".
	Result string
	// Volatile says that two calls of equal arguments may give different rows.
	// It is refused where rows change, because what it gave could not be taken
	// back.
	Volatile bool
	// Call gives for each of the rows of the arguments how many rows it becomes,
	// and the columns of all of them, one behind the other. A panic fails the
	// job, with the function's name and place.
	Call func(alloc memory.Allocator, rows int, args []arrow.Array) (counts []int32, columns []arrow.Array, err error)

	err error // of a helper, found when the function is defined
}

// Table1 makes a TableFunction of a function of rows, which calls yield for each
// row that it gives. R is a Value, or a struct whose exported fields are Values;
// they are called as their tags `wadi:"name"` say, or as the fields in lower case.
// NULL gives no row, without a call.
func Table1[A Value, R any](name string, f func(a A, yield func(R)) error) TableFunction {
	t := TableFunction{Name: name, Args: []string{sqlName[A]()}}
	return tableOf(t, func(args []arrow.Array) func(i int, yield func(R)) error {
		a := reads[A](args[0])
		return func(i int, yield func(R)) error { return f(a(i), yield) }
	})
}

// Table2 is Table1 for two arguments.
func Table2[A, B Value, R any](name string, f func(a A, b B, yield func(R)) error) TableFunction {
	t := TableFunction{Name: name, Args: []string{sqlName[A](), sqlName[B]()}}
	return tableOf(t, func(args []arrow.Array) func(i int, yield func(R)) error {
		a, b := reads[A](args[0]), reads[B](args[1])
		return func(i int, yield func(R)) error { return f(a(i), b(i), yield) }
	})
}

func tableOf[R any](t TableFunction, row func(args []arrow.Array) func(i int, yield func(R)) error) TableFunction {
	var shape rowShape
	shape, t.err = shapeOf(reflect.TypeFor[R]())
	t.Result = shape.sql
	t.Call = func(alloc memory.Allocator, rows int, args []arrow.Array) ([]int32, []arrow.Array, error) {
		builders := make([]array.Builder, len(shape.types))
		for i, of := range shape.types {
			builders[i] = array.NewBuilder(alloc, of.Arrow())
			defer builders[i].Release()
		}
		counts := make([]int32, rows)
		call := row(args)
	next:
		for i := range rows {
			for _, a := range args {
				if a.IsNull(i) {
					continue next
				}
			}
			err := call(i, func(r R) {
				counts[i]++
				shape.append(builders, reflect.ValueOf(r))
			})
			if err != nil {
				return nil, nil, err
			}
		}
		columns := make([]arrow.Array, len(builders))
		for i, b := range builders {
			columns[i] = b.NewArray()
		}
		return counts, columns, nil
	}
	return t
}

// rowShape is how values of a type of Go become rows.
type rowShape struct {
	sql    string
	types  []datatype.Type
	fields []int // of a struct, or nil for a plain value
}

func shapeOf(t reflect.Type) (rowShape, error) {
	var s rowShape
	add := func(t reflect.Type) (string, error) {
		name, ok := valueNames[t.Kind()]
		if !ok {
			return "", fmt.Errorf("a column cannot be made of a %v", t)
		}
		of, err := datatype.Parse(name)
		s.types = append(s.types, of)
		return name, err
	}
	if t.Kind() != reflect.Struct {
		var err error
		s.sql, err = add(t)
		return s, err
	}
	var columns []string
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("wadi")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		of, err := add(f.Type)
		if err != nil {
			return s, fmt.Errorf("field %s: %w", f.Name, err)
		}
		s.fields = append(s.fields, i)
		columns = append(columns, "`"+name+"` "+of)
	}
	if len(columns) == 0 {
		return s, fmt.Errorf("%v has no exported fields", t)
	}
	s.sql = "ROW<" + strings.Join(columns, ", ") + ">"
	return s, nil
}

var valueNames = map[reflect.Kind]string{
	reflect.Bool: "BOOLEAN", reflect.Int32: "INT", reflect.Int64: "BIGINT", reflect.Float64: "DOUBLE", reflect.String: "STRING",
}

// append appends a row to its columns.
func (s *rowShape) append(to []array.Builder, v reflect.Value) {
	if s.fields == nil {
		appendValue(to[0], v)
		return
	}
	for i, f := range s.fields {
		appendValue(to[i], v.Field(f))
	}
}

func appendValue(to array.Builder, v reflect.Value) {
	switch to := to.(type) {
	case *array.BooleanBuilder:
		to.Append(v.Bool())
	case *array.Int32Builder:
		to.Append(int32(v.Int()))
	case *array.Int64Builder:
		to.Append(v.Int())
	case *array.Float64Builder:
		to.Append(v.Float())
	case *array.StringViewBuilder:
		to.Append(v.String())
	}
}

// kernel is the function as expressions call it: it gives lists of rows.
func (f *TableFunction) kernel() expr.UserFunc {
	return func(alloc memory.Allocator, rows int, args []arrow.Array) (arrow.Array, error) {
		counts, columns, err := f.Call(alloc, rows, args)
		defer func() {
			for _, c := range columns {
				c.Release()
			}
		}()
		if err != nil {
			return nil, err
		}
		if len(counts) != rows {
			return nil, fmt.Errorf("it gave %d numbers of rows for %d rows", len(counts), rows)
		}
		offsets := memory.NewResizableBuffer(alloc)
		defer offsets.Release()
		offsets.Resize(arrow.Int32Traits.BytesRequired(rows + 1))
		at := arrow.Int32Traits.CastFromBytes(offsets.Bytes())
		at[0] = 0
		for i, n := range counts {
			at[i+1] = at[i] + n
			if n < 0 {
				return nil, fmt.Errorf("it gave %d rows for a row", n)
			}
		}
		items, err := f.items(columns, int(at[rows]))
		if err != nil {
			return nil, err
		}
		defer items.Release()
		d := array.NewData(arrow.ListOf(items.DataType()), rows, []*memory.Buffer{nil, offsets}, []arrow.ArrayData{items}, 0, 0)
		defer d.Release()
		return array.MakeFromData(d), nil
	}
}

// items are the rows as one column.
func (f *TableFunction) items(columns []arrow.Array, n int) (arrow.ArrayData, error) {
	of, err := datatype.Parse(f.Result)
	if err != nil {
		return nil, err
	}
	want := 1
	if of.Kind == datatype.Row {
		want = len(of.Fields)
	}
	if len(columns) != want {
		return nil, fmt.Errorf("it gave %d columns and not %d", len(columns), want)
	}
	fields := make([]arrow.Field, want)
	children := make([]arrow.ArrayData, want)
	for i, c := range columns {
		if c.Len() != n {
			return nil, fmt.Errorf("it gave %d values in column %d for %d rows", c.Len(), i+1, n)
		}
		children[i] = c.Data()
		fields[i] = arrow.Field{Name: fmt.Sprint("f", i), Type: c.DataType(), Nullable: true}
	}
	if of.Kind != datatype.Row {
		children[0].Retain()
		return children[0], nil
	}
	return array.NewData(arrow.StructOf(fields...), n, []*memory.Buffer{nil}, children, 0, 0), nil
}
