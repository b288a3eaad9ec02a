package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// besideColumn is a column of the row that stands so many rows before another in
// the partition, or behind it.
type besideColumn struct {
	column int
	before int64 // negative for rows behind
	value  Value
}

// physical binds PREV(A.x [, n]) and NEXT: what the row n before, or behind, the
// last row of A has in the partition, whether it is in the match or not. The column
// of the other row is computed below the pattern:
//
//	B AS B.x < PREV(B.x)                 B AS B.x < B.$prev,  $prev = LAG(x) OVER (PARTITION BY … ORDER BY …)
//	PREV(FIRST(A.x, 1), 2)               FIRST(A.$prev2, 1)
func (m *matching) physical(x *exprs, e *ast.Call, name string) (Value, error) {
	switch {
	case len(e.Args) < 1 || len(e.Args) > 2:
		return Value{}, diag.At(e.Pos, "%s takes a value of rows and how many rows away", name)
	case m.arg != nil || m.shift != 0:
		return Value{}, diag.At(e.Pos, "%s cannot stand in an argument of FIRST, LAST, PREV, NEXT or an aggregate; they stand in it: %[1]s(LAST(A.x))", name)
	}
	n := int64(1)
	if len(e.Args) == 2 {
		var ok bool
		var err error
		if n, ok, err = x.integer(e.Args[1]); err != nil {
			return Value{}, err
		}
		if !ok || n < 0 {
			return Value{}, diag.At(e.Args[1].Position(), "the offset of %s is a constant number that is not negative", name)
		}
	}
	if m.shift = n; name == "NEXT" {
		if !x.b.Batch {
			return Value{}, diag.At(e.Pos, "NEXT needs rows that come later, so it runs in batch mode; or begin the match at the other row, and take PREV")
		}
		m.shift = -n
	}
	defer func() { m.shift = 0 }()
	if c, ok := e.Args[0].(*ast.Call); ok && slices.Contains([]string{"FIRST", "LAST"}, strings.ToUpper(c.Name.Last())) {
		return x.bind(c)
	}
	m.arg = &matchArg{}
	defer func() { m.arg = nil }()
	v, err := x.bind(e.Args[0])
	if err != nil || m.arg.vars == 0 || m.defining >= 0 && m.arg.vars>>m.defining&1 == 1 { // a constant, or the current row's
		return v, err
	}
	return m.last(m.arg.vars, false, 0, v), nil
}

// shifted is a column of the row that PREV or NEXT is about.
func (m *matching) shifted(v Value) Value {
	if m.shift == 0 {
		return v
	}
	column := v.Expr.(*expr.Column).Index
	at := slices.IndexFunc(m.beside, func(b besideColumn) bool { return b.column == column && b.before == m.shift })
	if at < 0 {
		at = len(m.beside)
		v.Type = v.Type.WithNull(true)
		v.Expr = &expr.Column{Index: besideBase + at, Name: "$beside" + itoa(at), Of: v.Type.Arrow()}
		m.beside = append(m.beside, besideColumn{column, m.shift, v})
	}
	return m.beside[at].value
}

// besides computes the columns of other rows behind those of node.
func (m *matching) besides(node logical.Node) logical.Node {
	if len(m.beside) == 0 {
		return node
	}
	o := &logical.Over{Input: node, Partition: m.out.Partition, Order: m.out.Order, Output: slices.Clone(node.Schema())}
	for i, b := range m.beside {
		call := logical.OverCall{
			AggCall: logical.AggCall{Func: "lag", Args: []int{b.column}, Filter: -1, Type: b.value.Type}, Frame: toCurrent, Offset: b.before,
		}
		if b.before < 0 {
			call.Func, call.Frame, call.Offset = "lead", whole, -b.before
		}
		o.Calls = append(o.Calls, call)
		o.Output = append(o.Output, logical.Column{Name: "$beside" + itoa(i), Type: b.value.Type})
	}
	return o
}
