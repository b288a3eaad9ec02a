package agg

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Spec is one aggregate function of a query.
type Spec struct {
	// Func is count (of rows, or of non-null arguments), sum, sum0, avg, min,
	// max, first_value, last_value, single_value, var_pop, var_samp, stddev_pop,
	// stddev_samp, array_agg, collect, listagg, percentile, json_arrayagg,
	// json_objectagg, or expr.UserPrefix and the name of a function of the user.
	Func string `json:"func"`
	// Args are input columns; empty for COUNT(*). Those of percentile are the
	// value, the percentage or an array of them, and how often the value
	// counts; those of json_objectagg the key and the value, which is JSON, as
	// that of json_arrayagg.
	Args []int `json:"args,omitempty"`
	// Distinct counts each value of the arguments once.
	Distinct bool `json:"distinct,omitempty"`
	// KeepNulls says that NULL is a value like others, for array_agg and the
	// functions of JSON.
	KeepNulls bool `json:"keepNulls,omitempty"`
	// Separator stands between the values of listagg.
	Separator string `json:"separator,omitempty"`
	// Order is how the values of a group stand for array_agg, listagg,
	// first_value, last_value and json_arrayagg; without it, as they came. Keys
	// that are no values are arguments behind the function's own.
	Order []By `json:"order,omitempty"`
	// Filter is a BOOLEAN input column; only rows where it is true count. -1
	// means every row.
	Filter int `json:"filter"`
	// At is where a call of a function of the user stands in the query, for its
	// errors, or "".
	At string `json:"at,omitempty"`
	// User is what computes a function of the user; see Resolve.
	User *User `json:"-"`
	// Of is the type of the result, as the planner decided it. In a vertex it
	// is the type of the output column; nil means ResultType.
	Of arrow.DataType `json:"-"`
}

// name tells accumulators apart, across edits of the query too: the function
// over the names of its columns, "sum(distinct price) where f".
func (s Spec) name(in *arrow.Schema) string {
	var sb strings.Builder
	sb.WriteString(s.Func + "(")
	if s.Distinct {
		sb.WriteString("distinct ")
	}
	for i, a := range s.Args {
		if i > 0 {
			sb.WriteString(", ")
		}
		sb.WriteString(in.Field(a).Name)
	}
	if s.KeepNulls {
		sb.WriteString(" nulls")
	}
	if s.Func == "listagg" {
		sb.WriteString(", '" + s.Separator + "'")
	}
	sb.WriteString(s.byText(in) + ")")
	if s.Filter >= 0 {
		sb.WriteString(" where " + in.Field(s.Filter).Name)
	}
	return sb.String()
}

// ResultType is Flink's type of the function's result over an argument of type
// arg; arg is nil for COUNT(*). Functions of integers keep their type, SUM of
// DECIMAL(p, s) is DECIMAL(38, s), AVG and the others DECIMAL(38, max(6, s)).
func ResultType(fn string, arg arrow.DataType) (arrow.DataType, error) {
	switch fn {
	case "count":
		return arrow.PrimitiveTypes.Int64, nil
	case "min", "max", "first_value", "last_value", "single_value":
		if arg != nil {
			return arg, nil
		}
	case "array_agg":
		if arg != nil {
			return arrow.ListOf(arg), nil
		}
	case "collect":
		if arg != nil {
			return arrow.MapOf(arg, arrow.PrimitiveTypes.Int32), nil
		}
	case "listagg", "json_arrayagg", "json_objectagg":
		if arg != nil && arg.ID() == arrow.STRING_VIEW {
			return arg, nil
		}
	case "percentile":
		if _, err := ResultType("avg", arg); err == nil {
			return arrow.PrimitiveTypes.Float64, nil
		}
	case "sum", "sum0", "avg", "var_pop", "var_samp", "stddev_pop", "stddev_samp":
		switch t := arg.(type) {
		case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type, *arrow.Float32Type, *arrow.Float64Type:
			return t, nil
		case *arrow.Decimal128Type:
			if fn != "sum" && fn != "sum0" {
				return &arrow.Decimal128Type{Precision: 38, Scale: max(6, t.Scale)}, nil
			}
			return &arrow.Decimal128Type{Precision: 38, Scale: t.Scale}, nil
		}
	default:
		return nil, fmt.Errorf("no aggregate function %q", fn)
	}
	return nil, fmt.Errorf("%s does not take %v", fn, arg)
}
