package function

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// aggregate is one aggregate function.
type aggregate struct {
	fn string
	// takes is a class of signature.go, or 0 when there is no argument.
	takes byte
	// orNone lets the argument be left out: COUNT(*).
	orNone bool
	result func(t datatype.Type) datatype.Type
}

func same(t datatype.Type) datatype.Type { return t.WithNull(true) }

func double(datatype.Type) datatype.Type { return datatype.Of(datatype.Double) }

func bigint(datatype.Type) datatype.Type { return datatype.Of(datatype.BigInt).WithNull(false) }

var aggregates = map[string]aggregate{
	"COUNT":       {fn: "count", takes: 'a', orNone: true, result: bigint},
	"SUM":         {fn: "sum", takes: 'n', result: datatype.Sum},
	"$SUM0":       {fn: "sum0", takes: 'n', result: func(t datatype.Type) datatype.Type { return datatype.Sum(t).WithNull(false) }},
	"AVG":         {fn: "avg", takes: 'n', result: datatype.Avg},
	"MIN":         {fn: "min", takes: 'a', result: same},
	"MAX":         {fn: "max", takes: 'a', result: same},
	"FIRST_VALUE": {fn: "first_value", takes: 'a', result: same},
	"LAST_VALUE":  {fn: "last_value", takes: 'a', result: same},
	"STDDEV_POP":  {fn: "stddev_pop", takes: 'n', result: double},
	"STDDEV_SAMP": {fn: "stddev_samp", takes: 'n', result: double},
	"STDDEV":      {fn: "stddev_samp", takes: 'n', result: double},
	"VAR_POP":     {fn: "var_pop", takes: 'n', result: double},
	"VAR_SAMP":    {fn: "var_samp", takes: 'n', result: double},
	"VARIANCE":    {fn: "var_samp", takes: 'n', result: double},
	"LISTAGG":     {fn: "listagg", takes: 's', result: func(datatype.Type) datatype.Type { return datatype.String }},
	"COLLECT":     {fn: "collect", takes: 'a', result: func(t datatype.Type) datatype.Type { return datatype.MultisetOf(t).WithNull(false) }},
	"ARRAY_AGG":   {fn: "array_agg", takes: 'a', result: func(t datatype.Type) datatype.Type { return datatype.ArrayOf(t) }},
}

// planned are the aggregates that the engine's accumulators compute today.
var planned = map[string]bool{
	"count": true, "sum": true, "sum0": true, "avg": true, "min": true, "max": true, "first_value": true, "last_value": true,
	"var_pop": true, "var_samp": true, "stddev_pop": true, "stddev_samp": true,
}

// ErrNotSupported marks a function that is known but cannot run yet.
var ErrNotSupported = fmt.Errorf("not supported yet")

// Aggregate resolves a call of an aggregate function. global says that the
// query has no GROUP BY keys, so that an empty input gives one row: then only
// COUNT is never NULL anyway.
func (c *Catalogue) Aggregate(name string, args []Arg) (Resolved, error) {
	name = strings.ToUpper(name)
	a, ok := c.aggregates[name]
	if !ok {
		return Resolved{}, fmt.Errorf("no aggregate function %s", name)
	}
	if !planned[a.fn] {
		return Resolved{}, fmt.Errorf("%w: aggregate function %s", ErrNotSupported, name)
	}
	if len(args) == 0 && a.orNone {
		return Resolved{Func: a.fn, Result: a.result(datatype.Type{})}, nil
	}
	if a.fn != "count" && len(args) != 1 || len(args) == 0 {
		return Resolved{}, fmt.Errorf("%s takes one argument, here are %d", name, len(args))
	}
	r := Resolved{Func: a.fn}
	for _, arg := range args {
		to, ok := class{of: a.takes}.accept(arg.Type)
		if !ok {
			return Resolved{}, fmt.Errorf("%s cannot be applied to an argument of type %s; it takes a %s",
				name, arg.Type.Text(), classNames[a.takes])
		}
		if a.fn != "count" && to.IsNested() {
			return Resolved{}, fmt.Errorf("%s cannot be applied to an argument of type %s", name, arg.Type.Text())
		}
		r.Casts = append(r.Casts, to)
	}
	r.Result = a.result(r.Casts[0])
	return r, nil
}
