package bind

import (
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
)

func (x *exprs) jsonInput(pos ast.Pos, fn string, input, path ast.Expr) ([]Value, error) {
	vs, err := x.all([]ast.Expr{input, path})
	if err != nil {
		return nil, err
	}
	if !textual(vs[0].Type) || !textual(vs[1].Type) {
		return nil, diag.At(pos, "%s takes a string and a path, here are %s and %s", fn, vs[0].Type.Text(), vs[1].Type.Text())
	}
	return []Value{convert(vs[0], datatype.String), convert(vs[1], datatype.String)}, nil
}

// jsonValue is JSON_VALUE; a result of another type is cast, and so are the
// defaults, as strings.
func (x *exprs) jsonValue(e *ast.JSONValue) (Value, error) {
	vs, err := x.jsonInput(e.Pos, "JSON_VALUE", e.Input, e.Path)
	if err != nil {
		return Value{}, err
	}
	if e.OnEmpty.Kind > ast.JSONNull || e.OnError.Kind > ast.JSONNull {
		vs = append(vs, answer(e.OnEmpty), answer(e.OnError))
		for _, f := range []ast.JSONFallback{e.OnEmpty, e.OnError} {
			v := null(datatype.String)
			if f.Kind == ast.JSONDefault {
				if v, err = x.bind(f.Default); err != nil {
					return Value{}, err
				}
				v = explicit(v, datatype.String, false)
			}
			vs = append(vs, v)
		}
	}
	v := apply("json_value", datatype.String, vs...)
	v.Type = v.Type.WithNull(true)
	if e.Returning == nil {
		return v, nil
	}
	to, err := datatype.FromAST(e.Returning)
	if err != nil {
		return v, err
	}
	return explicit(v, to, e.OnError.Kind != ast.JSONError), nil
}

// answer is the text of an answer to an empty result or an error.
func answer(f ast.JSONFallback) Value {
	if f.Kind == ast.JSONUnset {
		return text(ast.JSONNull.String())
	}
	return text(f.Kind.String())
}

func (x *exprs) jsonQuery(e *ast.JSONQuery) (Value, error) {
	vs, err := x.jsonInput(e.Pos, "JSON_QUERY", e.Input, e.Path)
	if err != nil {
		return Value{}, err
	}
	to := datatype.String
	if e.Returning != nil {
		if to, err = datatype.FromAST(e.Returning); err != nil {
			return Value{}, err
		}
		switch {
		case to.IsString():
		case to.Kind == datatype.Array && to.Elem.IsString():
			for _, f := range []ast.JSONFallback{e.OnEmpty, e.OnError} {
				if f.Kind == ast.JSONEmptyObject {
					return Value{}, diag.At(e.Pos, "JSON_QUERY RETURNING %s cannot give an EMPTY OBJECT", to.Text())
				}
			}
		default:
			return Value{}, diag.At(e.Pos, "JSON_QUERY returns STRING or ARRAY<STRING>, not %s", to.Text())
		}
	}
	wrapper := map[ast.JSONWrapper]string{ast.JSONWithConditionalWrapper: "CONDITIONAL", ast.JSONWithUnconditionalWrapper: "UNCONDITIONAL"}[e.Wrapper]
	if wrapper != "" || e.OnEmpty.Kind > ast.JSONNull || e.OnError.Kind > ast.JSONNull {
		vs = append(vs, text(wrapper), answer(e.OnEmpty), answer(e.OnError))
	}
	v := apply("json_query", to, vs...)
	v.Type = v.Type.WithNull(true)
	return v, nil
}

func (x *exprs) jsonExists(e *ast.JSONExists) (Value, error) {
	vs, err := x.jsonInput(e.Pos, "JSON_EXISTS", e.Input, e.Path)
	if err != nil {
		return Value{}, err
	}
	if e.OnError.Kind != ast.JSONUnset {
		vs = append(vs, answer(e.OnError))
	}
	v := apply("json_exists", boolType, vs...)
	v.Type = v.Type.WithNull(true)
	return v, nil
}

// jsonObject is JSON_OBJECT: NULL ON NULL unless told.
func (x *exprs) jsonObject(e *ast.JSONObject) (Value, error) {
	if e.Aggregate {
		return Value{}, diag.At(e.Pos, "aggregate function JSON_OBJECTAGG is not allowed here")
	}
	var vs []Value
	kinds := ""
	for _, entry := range e.Entries {
		key, err := x.bind(entry.Key)
		if err != nil {
			return Value{}, err
		}
		if !key.Type.IsString() {
			return Value{}, diag.At(entry.Key.Position(), "a key of JSON_OBJECT is a string, this is of type %s", key.Type.Text())
		}
		v, kind, err := x.jsonMember(entry.Value, e.Nulls == ast.JSONAbsentOnNull)
		if err != nil {
			return Value{}, err
		}
		vs, kinds = append(vs, convert(key, datatype.String), v), kinds+kind
	}
	return jsonMade("json_object", kinds, vs), nil
}

// jsonArray is JSON_ARRAY: ABSENT ON NULL unless told.
func (x *exprs) jsonArray(e *ast.JSONArray) (Value, error) {
	if e.Aggregate {
		return Value{}, diag.At(e.Pos, "aggregate function JSON_ARRAYAGG is not allowed here")
	}
	var vs []Value
	kinds := ""
	for _, elem := range e.Elems {
		v, kind, err := x.jsonMember(elem, e.Nulls != ast.JSONNullOnNull)
		if err != nil {
			return Value{}, err
		}
		vs, kinds = append(vs, v), kinds+kind
	}
	return jsonMade("json_array", kinds, vs), nil
}

func jsonMade(fn, kinds string, vs []Value) Value {
	v := apply(fn, datatype.String, append([]Value{text(kinds)}, vs...)...)
	v.Type = v.Type.WithNull(false)
	return v
}

// jsonMember binds a member of a constructor. JSON(text) and other constructors
// are JSON already; the kinds are those of the kernel.
func (x *exprs) jsonMember(e ast.Expr, absent bool) (v Value, kind string, err error) {
	kind = map[bool]string{false: "v", true: "n"}[absent]
	raw := map[bool]string{false: "j", true: "x"}[absent]
	switch m := e.(type) {
	case *ast.JSONObject:
		if !m.Aggregate {
			kind = raw
		}
	case *ast.JSONArray:
		if !m.Aggregate {
			kind = raw
		}
	case *ast.Call:
		if strings.EqualFold(m.Name.Last(), "JSON") && len(m.Args) == 1 {
			if v, err = x.bind(m.Args[0]); err != nil {
				return v, kind, err
			}
			if !textual(v.Type) {
				return v, kind, diag.At(m.Pos, "JSON takes a string, this is of type %s", v.Type.Text())
			}
			return convert(v, datatype.String), raw, nil
		}
	}
	if v, err = x.bind(e); v.Type.Kind == datatype.Variant {
		kind = raw
	}
	return v, kind, err
}

// jsonCall refuses JSON(text) outside of constructors.
func (x *exprs) jsonCall(_ string, e *ast.Call) (Value, bool, error) {
	return Value{}, true, diag.At(e.Pos, "JSON(…) stands only in JSON_OBJECT and JSON_ARRAY")
}
