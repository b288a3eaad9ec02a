package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Enforcers say what is done about rows that a sink's columns do not allow:
// NotNull is ERROR or DROP, Length is IGNORE, TRIM_PAD or ERROR, and Nested how
// deep both look: IGNORE, ROWS or ROWS_AND_COLLECTIONS.
type Enforcers struct{ NotNull, Length, Nested string }

// depth are the letters of how deep the checks look.
func (e Enforcers) depth() string {
	switch e.Nested {
	case "ROWS":
		return "r"
	case "ROWS_AND_COLLECTIONS":
		return "rc"
	}
	return ""
}

// enforce checks, pads or cuts the values of a sink's columns; drop is what is
// wrong with rows that are to be left out.
func (b *Binder) enforce(pos ast.Pos, vs []Value, columns []targetColumn) (drop []Value, err error) {
	for i, c := range columns {
		if b.Enforce.Length == "TRIM_PAD" {
			if vs[i], err = b.trimPad(pos, vs[i], c.typ); err != nil {
				return nil, err
			}
		}
		var checks string
		if !c.typ.Nullable() && vs[i].Type.Nullable() {
			checks = "tn"
		}
		if nested := c.typ.IsNested() && b.Enforce.depth() != ""; nested {
			checks += "n" + b.Enforce.depth()
		}
		if checks != "" && b.Enforce.NotNull == "DROP" {
			drop = append(drop, b.broken(vs[i], c, checks))
			checks = ""
		}
		if b.Enforce.Length == "ERROR" && (lengthy(c.typ) || c.typ.IsNested() && b.Enforce.depth() != "") {
			checks += "l" + b.Enforce.depth()
		}
		if checks != "" {
			name := vs[i].Name
			vs[i] = apply("checked", vs[i].Type, vs[i], b.broken(vs[i], c, checks))
			vs[i].Name = name
		}
	}
	return drop, nil
}

// lengthy reports the types that bound the length of their values.
func lengthy(t datatype.Type) bool {
	return (t.IsString() || t.IsBinary()) && t.Length != datatype.MaxLength
}

func (b *Binder) broken(v Value, c targetColumn, checks string) Value {
	out := apply("broken_constraint", datatype.String, v, text(c.name), text(c.typ.WithNull(true).Text()), text(checks))
	out.Type = datatype.String
	return out
}

// trimPad cuts and pads texts and bytes to their lengths.
func (b *Binder) trimPad(pos ast.Pos, v Value, t datatype.Type) (Value, error) {
	name := v.Name
	if lengthy(t) || t.Kind == datatype.Row && b.Enforce.depth() != "" {
		null := v.Type.Nullable()
		v = apply("cast", t, v, text(t.WithNull(true).Text()))
		v.Type = t.WithNull(null)
	}
	v.Name = name
	if b.Enforce.Nested == "ROWS_AND_COLLECTIONS" && inCollection(t, false) {
		return v, diag.At(pos, "values in collections cannot be cut and padded: column %q is of type %s; SET 'table.exec.sink.nested-constraint-enforcer' = 'ROWS'", name, t.Text())
	}
	return v, nil
}

// inCollection reports that values within a collection have a bounded length.
func inCollection(t datatype.Type, within bool) bool {
	if within && lengthy(t) {
		return true
	}
	within = within || t.Kind == datatype.Array || t.Kind == datatype.Map || t.Kind == datatype.Multiset
	if t.Elem != nil && inCollection(*t.Elem, within) || t.Key != nil && inCollection(*t.Key, within) {
		return true
	}
	for _, f := range t.Fields {
		if inCollection(f.Type, within) {
			return true
		}
	}
	return false
}

// without leaves out the rows with which something is wrong.
func without(node logical.Node, drop []Value) logical.Node {
	for _, d := range drop {
		node = &logical.Filter{Input: node, Cond: total("is_null", d).Expr}
	}
	return node
}
