package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

// caseWhen binds both forms of CASE to the call case(cond, then, …, else).
func (x *exprs) caseWhen(e *ast.Case) (Value, error) {
	var operand *Value
	if e.Operand != nil {
		v, err := x.bind(e.Operand)
		if err != nil {
			return v, err
		}
		operand = &v
	}
	var conds, thens []Value
	for _, w := range e.Whens {
		cond, err := x.when(operand, w)
		if err != nil {
			return Value{}, err
		}
		then, err := x.bind(w.Then)
		if err != nil {
			return Value{}, err
		}
		conds, thens = append(conds, cond), append(thens, then)
	}
	last := null(datatype.Type{})
	if e.Else != nil {
		v, err := x.bind(e.Else)
		if err != nil {
			return v, err
		}
		last = v
	}
	thens = append(thens, last)
	t := thens[0].Type
	for i, v := range thens[1:] {
		next, ok := datatype.Common(t, v.Type)
		if !ok {
			return Value{}, diag.At(e.Pos, "the results of CASE have no common type: %s and %s (result %d)", t.Text(), v.Type.Text(), i+2)
		}
		t = next
	}
	args := make([]expr.Expr, 0, 2*len(conds)+1)
	for i, c := range conds {
		args = append(args, c.Expr, convert(thens[i], t).Expr)
	}
	args = append(args, convert(last, t).Expr)
	return Value{Expr: &expr.Call{Func: "case", Args: args, Of: t.Arrow()}, Type: t}, nil
}

// when is the condition of one branch.
func (x *exprs) when(operand *Value, w ast.When) (Value, error) {
	var out Value
	for i, c := range w.Conds {
		var v Value
		var err error
		if operand == nil {
			v, err = x.condition(c, "WHEN")
		} else if v, err = x.bind(c); err == nil {
			v, err = compare(c.Position(), ast.Eq, *operand, v)
		}
		if err != nil {
			return v, err
		}
		if i == 0 {
			out = v
		} else {
			out = apply("or", boolType, out, v)
		}
	}
	return out, nil
}
