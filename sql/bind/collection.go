package bind

import (
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

func (x *exprs) row(elems []ast.Expr) (Value, error) {
	vs, err := x.all(elems)
	if err != nil {
		return Value{}, err
	}
	t := datatype.RowOf()
	args := make([]expr.Expr, len(vs))
	for i, v := range vs {
		t.Fields = append(t.Fields, datatype.Field{Name: "EXPR$" + itoa(i), Type: v.Type})
		args[i] = v.Expr
	}
	return Value{Expr: &expr.Call{Func: "row", Args: args, Of: t.Arrow()}, Type: t.WithNull(false)}, nil
}

func (x *exprs) array(e *ast.Array) (Value, error) {
	vs, t, err := x.common(e.Elems)
	if err != nil {
		return Value{}, err
	}
	return collection("array", datatype.ArrayOf(t), vs), nil
}

func (x *exprs) mapOf(e *ast.Map) (Value, error) {
	var keys, values []ast.Expr
	for i, entry := range e.Entries {
		if i%2 == 0 {
			keys = append(keys, entry)
		} else {
			values = append(values, entry)
		}
	}
	if len(keys) == 0 {
		return Value{}, diag.At(e.Pos, "MAP needs an entry, which gives it its types")
	}
	if len(keys) != len(values) {
		return Value{}, diag.At(e.Pos, "MAP needs a value for each key")
	}
	ks, kt, err := x.common(keys)
	if err != nil {
		return Value{}, err
	}
	vs, vt, err := x.common(values)
	if err != nil {
		return Value{}, err
	}
	var args []Value
	for i := range ks {
		args = append(args, ks[i], vs[i])
	}
	return collection("map", datatype.MapOf(kt, vt), args), nil
}

func collection(fn string, t datatype.Type, vs []Value) Value {
	v := apply(fn, t, vs...)
	v.Type.NotNull = true
	return v
}

// common binds a list and casts it to one type.
func (x *exprs) common(list []ast.Expr) ([]Value, datatype.Type, error) {
	vs, err := x.all(list)
	if err != nil || len(vs) == 0 {
		return nil, datatype.Type{}, err
	}
	t := vs[0].Type
	for i, v := range vs[1:] {
		next, ok := datatype.Common(t, v.Type)
		if !ok {
			return nil, t, diag.At(list[i+1].Position(), "%s and %s have no common type; CAST one of them", t.Text(), v.Type.Text())
		}
		t = next
	}
	for i := range vs {
		vs[i] = convert(vs[i], t)
	}
	return vs, t, nil
}

// item is a[i], from 1, or m[k].
func (x *exprs) item(e *ast.Item) (Value, error) {
	v, err := x.bind(e.X)
	if err != nil {
		return v, err
	}
	i, err := x.bind(e.Index)
	if err != nil {
		return i, err
	}
	switch v.Type.Kind {
	case datatype.Array:
		if !i.Type.IsInteger() {
			return v, diag.At(e.Index.Position(), "an array is indexed with an integer, this is of type %s", i.Type.Text())
		}
		l, ok := i.Expr.(*expr.Literal)
		if n, is := value[int64](l, ok); is && n < 1 {
			return v, diag.At(e.Index.Position(), "the elements of an array are counted from 1, not %d", n)
		}
		i = convert(i, datatype.Of(datatype.Int))
	case datatype.Map:
		if i, err = x.mapKey(e, v, i); err != nil {
			return i, err
		}
	case datatype.Row:
		l, ok := i.Expr.(*expr.Literal)
		if n, is := value[int64](l, ok); is && n >= 1 && int(n) <= len(v.Type.Fields) {
			return fieldOf(v, int(n)-1), nil
		}
		return v, diag.At(e.Pos, "a row is indexed with a constant from 1 to %d", len(v.Type.Fields))
	case datatype.Variant:
		if !i.Type.IsString() && !i.Type.IsInteger() {
			return v, diag.At(e.Index.Position(), "a VARIANT is indexed with a name or a number, this is of type %s", i.Type.Text())
		}
		return apply("variant_item", datatype.Of(datatype.Variant), v, i), nil
	default:
		return v, diag.At(e.Pos, "%s is not an ARRAY, a MAP or a VARIANT", v.Type.Text())
	}
	out := apply("item", v.Type.Elem.WithNull(true), v, i)
	out.Type.NotNull = false
	return out, nil
}

func (x *exprs) mapKey(e *ast.Item, v, i Value) (Value, error) {
	if !datatype.Assignable(i.Type, *v.Type.Key) {
		return v, diag.At(e.Index.Position(), "the map's keys are of type %s, this is of type %s", v.Type.Key.Text(), i.Type.Text())
	}
	return convert(i, *v.Type.Key), nil
}
