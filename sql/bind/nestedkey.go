package bind

import (
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Values of nested types cannot be keys of a table of groups. Their bytes can,
// which are equal for equal values, and from which they come back:
//
//	GROUP BY a        Project(of_key_bytes($0), …)
//	                    Aggregate(keys=[$0], …)
//	                      Project(key_bytes(a), …)

// keyBytes is a nested value as a key.
func keyBytes(v Value) Value {
	t := datatype.Of(datatype.VarBinary).WithNull(v.Type.Nullable())
	return Value{Expr: &expr.Call{Func: "key_bytes", Args: []expr.Expr{v.Expr}, Of: t.Arrow()}, Type: t, Name: v.Name}
}

// ofKeyBytes is the value of a key.
func ofKeyBytes(key expr.Expr, t datatype.Type) expr.Expr {
	return &expr.Call{Func: "of_key_bytes", Args: []expr.Expr{key}, Of: t.Arrow()}
}

// isNestedKey reports whether a value needs keyBytes to be a key.
func isNestedKey(t datatype.Type) bool { return t.IsNested() }

// distinct groups by every column.
func distinct(n logical.Node) logical.Node {
	s := n.Schema()
	keys, back := make([]Value, len(s)), make([]Value, len(s))
	nested := false
	for i, c := range s {
		v := Value{Expr: s.Ref(i), Type: c.Type, Time: c.Time, Name: c.Name}
		keys[i], back[i] = v, v
		if isNestedKey(c.Type) {
			nested = true
			keys[i] = keyBytes(v)
			back[i].Expr = ofKeyBytes(&expr.Column{Index: i, Name: c.Name, Of: keys[i].Type.Arrow()}, c.Type)
		}
	}
	in := n
	if nested {
		in = project(n, keys)
	}
	agg := &logical.Aggregate{Input: in}
	for i, c := range in.Schema() {
		agg.Keys = append(agg.Keys, i)
		agg.Output = append(agg.Output, c)
	}
	if !nested {
		return agg
	}
	return project(agg, back)
}
