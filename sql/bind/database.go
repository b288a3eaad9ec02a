package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// currentDatabase is the database of the session when the query is planned.
func (x *exprs) currentDatabase(_ string, e *ast.Call) (Value, bool, error) {
	if len(e.Args) > 0 {
		return Value{}, true, diag.At(e.Pos, "CURRENT_DATABASE takes no arguments")
	}
	return text(x.b.Database), true, nil
}

// structured refuses what makes objects of Java's classes.
func (x *exprs) structured(name string, e *ast.Call) (Value, bool, error) {
	return Value{}, true, diag.At(e.Pos, "%s makes objects of classes of Java, which there are none of here; ROW(…) is a value with fields, and CAST(… AS ROW<name TYPE, …>) names them", name)
}
