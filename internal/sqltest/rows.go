package sqltest

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi"
)

// Texts are the rows of a query of one string, sorted.
func Texts(t *testing.T, env *wadi.Env, query string) []string {
	t.Helper()
	var out []string
	for row, err := range wadi.Rows[struct{ Text string }](t.Context(), env.SQL("SELECT t AS text FROM ("+query+") AS q (t)")) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row.Text)
	}
	slices.Sort(out)
	return out
}

// Same fails the test unless Texts of query are these.
func Same(t *testing.T, env *wadi.Env, query string, want ...string) {
	t.Helper()
	if got := Texts(t, env, query); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", query, got, want)
	}
}

// Shown runs a script and gives the rows of its last answer, as Lines does.
func Shown(t *testing.T, env *wadi.Env, script string) (rows []string, err error) {
	t.Helper()
	err = env.Execute(t.Context(), script, func(o wadi.Outcome) error {
		switch {
		case o.Pipeline != nil:
			_, err := o.Pipeline.Run(t.Context())
			return err
		case o.Record != nil:
			rows = Lines(nil, o.Record)
		case o.Query != nil:
			rows = nil
			for rec, err := range o.Query.All(t.Context()) {
				if err != nil {
					return err
				}
				rows = Lines(rows, rec)
			}
		}
		return nil
	})
	return rows, err
}

// Line is the rows of a query in one line, as Arrow writes values: cells with
// commas between them, rows with blanks.
func Line(t *testing.T, env *wadi.Env, query string) (string, error) {
	t.Helper()
	var out []string
	for rec, err := range env.SQL(query).All(t.Context()) {
		if err != nil {
			return "", err
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			out = append(out, strings.Join(cells, ","))
		}
	}
	return strings.Join(out, " "), nil
}

// Lines appends the rows of rec, their values separated by commas.
func Lines(dst []string, rec arrow.RecordBatch) []string {
	for i := range int(rec.NumRows()) {
		cells := make([]string, rec.NumCols())
		for k, c := range rec.Columns() {
			cells[k] = textOf(c, i)
		}
		dst = append(dst, strings.Join(cells, ", "))
	}
	return dst
}

// textOf prints a value as CAST to STRING does, and times without the zeros at their end.
func textOf(a arrow.Array, i int) string {
	if a.IsNull(i) {
		return "NULL"
	}
	switch a := a.(type) {
	case *array.Boolean:
		return strings.ToUpper(a.ValueStr(i))
	case *array.Map:
		from, to := a.ValueOffsets(i)
		var parts []string
		for at := int(from); at < int(to); at++ {
			parts = append(parts, textOf(a.Keys(), at)+"="+textOf(a.Items(), at))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case *array.List:
		from, to := a.ValueOffsets(i)
		var parts []string
		for at := int(from); at < int(to); at++ {
			parts = append(parts, textOf(a.ListValues(), at))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *array.Timestamp:
		return a.Value(i).ToTime(a.DataType().(*arrow.TimestampType).Unit).Format("2006-01-02 15:04:05.999999999")
	case *array.Decimal128:
		return a.Value(i).ToString(a.DataType().(*arrow.Decimal128Type).Scale)
	}
	return strings.Clone(a.ValueStr(i)) // of memory that is given back with the record
}
