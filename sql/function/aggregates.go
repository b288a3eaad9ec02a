package function

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// aggregate is one aggregate function.
type aggregate struct {
	fn   string
	user *User // of a function of the user, in place of the rest
	// takes is a class of signature.go, or 0 when there is no argument.
	takes byte
	// orNone lets the argument be left out: COUNT(*).
	orNone bool
	// nested lets the argument be an array, a map or a row.
	nested bool
	// more are the classes of the arguments behind the first, of which need have
	// to be there.
	more   []byte
	need   int
	result func(t datatype.Type) datatype.Type
}

func same(t datatype.Type) datatype.Type { return t.WithNull(true) }

func double(datatype.Type) datatype.Type { return datatype.Of(datatype.Double) }

func bigint(datatype.Type) datatype.Type { return datatype.Of(datatype.BigInt).WithNull(false) }

var aggregates = map[string]aggregate{
	"COUNT":        {fn: "count", takes: 'a', orNone: true, result: bigint},
	"SUM":          {fn: "sum", takes: 'n', result: datatype.Sum},
	"$SUM0":        {fn: "sum0", takes: 'n', result: func(t datatype.Type) datatype.Type { return datatype.Sum(t).WithNull(false) }},
	"AVG":          {fn: "avg", takes: 'n', result: datatype.Avg},
	"MIN":          {fn: "min", takes: 'a', result: same},
	"MAX":          {fn: "max", takes: 'a', result: same},
	"FIRST_VALUE":  {fn: "first_value", takes: 'a', nested: true, result: same},
	"LAST_VALUE":   {fn: "last_value", takes: 'a', nested: true, result: same},
	"STDDEV_POP":   {fn: "stddev_pop", takes: 'n', result: double},
	"STDDEV_SAMP":  {fn: "stddev_samp", takes: 'n', result: double},
	"STDDEV":       {fn: "stddev_samp", takes: 'n', result: double},
	"VAR_POP":      {fn: "var_pop", takes: 'n', result: double},
	"VAR_SAMP":     {fn: "var_samp", takes: 'n', result: double},
	"VARIANCE":     {fn: "var_samp", takes: 'n', result: double},
	"LISTAGG":      {fn: "listagg", takes: 's', more: []byte{'s'}, result: func(datatype.Type) datatype.Type { return datatype.String.WithNull(true) }},
	"COLLECT":      {fn: "collect", takes: 'a', nested: true, result: func(t datatype.Type) datatype.Type { return datatype.MultisetOf(t).WithNull(false) }},
	"ARRAY_AGG":    {fn: "array_agg", takes: 'a', nested: true, result: func(t datatype.Type) datatype.Type { return datatype.ArrayOf(t).WithNull(true) }},
	"PERCENTILE":   {fn: "percentile", takes: 'n', more: []byte{'d', 'l'}, need: 1, result: double},
	"SINGLE_VALUE": {fn: "single_value", takes: 'a', nested: true, result: same},

	"APPROX_COUNT_DISTINCT": {fn: "count", takes: 'a', result: bigint},
}

// ErrNotSupported marks a function that is known but cannot run yet.
var ErrNotSupported = fmt.Errorf("not supported yet")

// distinct are the functions that count each value once, with or without
// DISTINCT.
var distinct = map[string]bool{"APPROX_COUNT_DISTINCT": true}

// CountsDistinct reports whether a function counts each value once by its
// nature.
func CountsDistinct(name string) bool { return distinct[strings.ToUpper(name)] }

// Aggregate resolves a call of an aggregate function. global says that the
// query has no GROUP BY keys, so that an empty input gives one row: then only
// COUNT is never NULL anyway.
func (c *Catalogue) Aggregate(name string, args []Arg) (Resolved, error) {
	name = strings.ToUpper(name)
	a, ok := c.aggregates[name]
	if !ok {
		return Resolved{}, fmt.Errorf("no aggregate function %s", name)
	}
	if a.user != nil {
		return a.user.call(name, a.fn, args)
	}
	if len(args) == 0 && a.orNone {
		return Resolved{Func: a.fn, Result: a.result(datatype.Type{})}, nil
	}
	if a.fn == "count" && len(args) > 0 {
		a.more = bytes.Repeat([]byte{'a'}, len(args)-1)
	}
	if len(args) < 1+a.need || len(args) > 1+len(a.more) {
		return Resolved{}, fmt.Errorf("%s takes %s, here are %d", name, a.arguments(), len(args))
	}
	r := Resolved{Func: a.fn}
	for i, arg := range args {
		takes, nested := a.takes, a.nested || a.fn == "count"
		if i > 0 {
			takes = a.more[i-1]
		}
		to, ok := class{of: takes}.accept(arg.Type)
		if takes == 'd' && arg.Type.Kind == datatype.Array {
			to, ok, nested = datatype.ArrayOf(datatype.Of(datatype.Double)), arg.Type.Elem.IsNumeric(), true
		}
		if !ok {
			return Resolved{}, fmt.Errorf("%s cannot be applied to an argument of type %s; it takes a %s",
				name, arg.Type.Text(), classNames[takes])
		}
		if !nested && to.IsNested() {
			return Resolved{}, fmt.Errorf("%s cannot be applied to an argument of type %s", name, arg.Type.Text())
		}
		r.Casts = append(r.Casts, to)
	}
	r.Result = a.result(r.Casts[0])
	if a.fn == "percentile" && r.Casts[1].Kind == datatype.Array {
		r.Result = datatype.ArrayOf(r.Result)
	}
	return r, nil
}

// arguments says how many arguments there can be.
func (a aggregate) arguments() string {
	least, most := 1+a.need, 1+len(a.more)
	switch {
	case least < most:
		return fmt.Sprintf("%d to %d arguments", least, most)
	case most == 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", most)
}
