package datatype_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// drawType draws any type, to the given depth of nesting.
func drawType(t *rapid.T, depth int) datatype.Type {
	kinds := []datatype.Kind{
		datatype.Boolean, datatype.TinyInt, datatype.SmallInt, datatype.Int, datatype.BigInt, datatype.Float, datatype.Double,
		datatype.Decimal, datatype.Char, datatype.VarChar, datatype.Binary, datatype.VarBinary, datatype.Date, datatype.Time,
		datatype.Timestamp, datatype.TimestampLTZ,
	}
	if depth > 0 {
		kinds = append(kinds, datatype.Array, datatype.Map, datatype.Multiset, datatype.Row)
	}
	out := datatype.Type{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), NotNull: rapid.Bool().Draw(t, "not null")}
	elem := func(nullable bool) *datatype.Type {
		e := drawType(t, depth-1)
		if nullable {
			e.NotNull = false
		}
		return &e
	}
	switch out.Kind {
	case datatype.Decimal:
		out.Precision = rapid.IntRange(1, 38).Draw(t, "precision")
		out.Scale = rapid.IntRange(0, out.Precision).Draw(t, "scale")
	case datatype.Char, datatype.VarChar, datatype.Binary, datatype.VarBinary:
		out.Length = rapid.SampledFrom([]int{1, 7, datatype.MaxLength}).Draw(t, "length")
	case datatype.Time, datatype.Timestamp, datatype.TimestampLTZ:
		out.Precision = rapid.IntRange(0, 9).Draw(t, "precision")
	case datatype.Array:
		out.Elem = elem(false)
	case datatype.Multiset:
		out.Elem = elem(true)
	case datatype.Map: // Arrow's keys are never null, so their nullability is lost
		out.Key, out.Elem = elem(true), elem(false)
	case datatype.Row:
		for range rapid.IntRange(1, 3).Draw(t, "fields") {
			name := rapid.SampledFrom([]string{"a", "select", "with `tick`", "ü"}).Draw(t, "name")
			out.Fields = append(out.Fields, datatype.Field{Name: name + string(rune('a'+len(out.Fields))), Type: *elem(false)})
		}
	default:
	}
	return out
}

func TestTextReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawType(t, 2)
		got, err := datatype.Parse(want.String())
		if err != nil {
			t.Fatalf("parse %s: %v", want, err)
		}
		if !got.Equal(want) {
			t.Fatalf("%s reads back as %s", want, got)
		}
	})
}

func TestArrowFieldReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawType(t, 2)
		got, ok := datatype.FromField(datatype.ArrowField("c", want))
		if !ok || !got.Equal(want) {
			t.Fatalf("%s reads back as %s", want, got)
		}
	})
}

// TestCommonIsSymmetric also holds that both sides can be assigned to it.
func TestCommonIsSymmetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawType(t, 1), drawType(t, 1)
		x, ok := datatype.Common(a, b)
		y, also := datatype.Common(b, a)
		if ok != also {
			t.Fatalf("Common(%s, %s) is %v one way and %v the other", a, b, ok, also)
		}
		if !ok {
			return
		}
		if a.Kind != datatype.Row && !x.Same(y) {
			t.Fatalf("Common(%s, %s) is %s one way and %s the other", a, b, x, y)
		}
		if x.Nullable() != (a.Nullable() || b.Nullable()) {
			t.Fatalf("Common(%s, %s) = %s", a, b, x)
		}
		if !datatype.Assignable(a, x) || !datatype.Assignable(b, x) {
			t.Fatalf("%s and %s cannot be assigned to their common type %s", a, b, x)
		}
	})
}

func TestRules(t *testing.T) {
	parse := func(text string) datatype.Type {
		d, err := datatype.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		op      byte
		a, b, r string
	}{
		{'+', "INT", "BIGINT NOT NULL", "BIGINT"},
		{'/', "INT NOT NULL", "INT NOT NULL", "INT NOT NULL"},
		{'*', "DECIMAL(3, 3) NOT NULL", "BIGINT", "DECIMAL(23, 3)"},
		{'+', "DECIMAL(19, 0) NOT NULL", "INT NOT NULL", "DECIMAL(20, 0) NOT NULL"},
		{'-', "DECIMAL(10, 2)", "DECIMAL(5, 4)", "DECIMAL(13, 4)"},
		{'/', "DECIMAL(10, 2)", "DECIMAL(10, 2)", "DECIMAL(23, 13)"},
		{'*', "DECIMAL(38, 10)", "DECIMAL(38, 10)", "DECIMAL(38, 6)"},
		{'%', "DECIMAL(10, 2)", "INT", "DECIMAL(10, 2)"},
		{'*', "DECIMAL(10, 2)", "DOUBLE", "DOUBLE"},
		{'+', "BIGINT", "FLOAT", "FLOAT"},
	} {
		if got := datatype.Arithmetic(c.op, parse(c.a), parse(c.b)); got.String() != c.r {
			t.Errorf("%s %c %s is %s, want %s", c.a, c.op, c.b, got, c.r)
		}
	}
	for _, c := range []struct{ of, sum, avg string }{
		{"TINYINT NOT NULL", "TINYINT", "TINYINT"},
		{"INT", "INT", "INT"},
		{"DOUBLE", "DOUBLE", "DOUBLE"},
		{"DECIMAL(20, 2)", "DECIMAL(38, 2)", "DECIMAL(38, 6)"},
		{"DECIMAL(20, 8)", "DECIMAL(38, 8)", "DECIMAL(38, 8)"},
	} {
		if sum, avg := datatype.Sum(parse(c.of)), datatype.Avg(parse(c.of)); sum.String() != c.sum || avg.String() != c.avg {
			t.Errorf("SUM and AVG of %s are %s and %s, want %s and %s", c.of, sum, avg, c.sum, c.avg)
		}
	}
}
