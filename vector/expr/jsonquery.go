package expr

import (
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonAnswer is what is given in place of a value: NULL, ERROR, DEFAULT, EMPTY
// ARRAY, EMPTY OBJECT, TRUE, FALSE or UNKNOWN.
type jsonAnswer string

// word is the string literal in argument i, or NULL.
func word(e *Call, i int) jsonAnswer {
	if i < len(e.Args) {
		if l, ok := e.Args[i].(*Literal); ok {
			if s, ok := l.Value.(string); ok {
				return jsonAnswer(s)
			}
		}
	}
	return "NULL"
}

// text gives the answer to why nothing was found.
func (a jsonAnswer) text(dst []byte, why error, other func(dst []byte) ([]byte, error)) ([]byte, error) {
	switch a {
	case "ERROR":
		return dst, why
	case "DEFAULT":
		return other(dst)
	case "EMPTY ARRAY":
		return append(dst, "[]"...), nil
	case "EMPTY OBJECT":
		return append(dst, "{}"...), nil
	}
	return dst, errNull
}

// jsonValue is json_value(text, path [, on empty, on error, default on empty,
// default on error]).
func jsonValue(c *compiler, e *Call) (node, error) {
	args, ok := match("ss?ssss", e.Args)
	if !ok || !isText(e.Of) {
		return nil, nil
	}
	onEmpty, onError := word(e, 2), word(e, 3)
	k := looseText(e.Of, func(_ *frame, args []value) func(i int, dst []byte) ([]byte, error) {
		in, valid := readTexts(args), readValid(args)
		paths := &jsonPaths{in: in[1]}
		other := func(k, i int) func(dst []byte) ([]byte, error) {
			return func(dst []byte) ([]byte, error) {
				if k >= len(args) || valid[k].null(i) {
					return dst, errNull
				}
				return append(dst, in[k].at(i)...), nil
			}
		}
		return func(i int, dst []byte) ([]byte, error) {
			if valid[0].null(i) || valid[1].null(i) {
				return dst, errNull
			}
			v, err := paths.scalar(in[0].at(i), i)
			switch {
			case err == nil && v.Kind() == '"':
				return jsontext.AppendUnquote(dst, v)
			case err == nil:
				return append(dst, v...), nil
			case errors.Is(err, errEmpty):
				return onEmpty.text(dst, errors.New("JSON_VALUE: "+err.Error()), other(4, i))
			case errors.Is(err, errJSON):
				return onError.text(dst, err, other(5, i))
			}
			return dst, err
		}
	})
	return c.call(e, k, args...)
}

// scalar finds a value that is neither an object nor an array. A JSON null is
// an empty result.
func (x *jsonPaths) scalar(text string, i int) (jsontext.Value, error) {
	v, err := x.find(text, i)
	if err != nil {
		return nil, err
	}
	switch v.Kind() {
	case 'n':
		return nil, errEmpty
	case '{', '[':
		if x.path.lax {
			return nil, errEmpty
		}
		return nil, fmt.Errorf("%w: the value at path %s is no scalar", errJSON, x.path.text)
	default:
	}
	return v, nil
}

// jsonQuery is json_query(text, path [, wrapper, on empty, on error]), where
// the wrapper is CONDITIONAL, UNCONDITIONAL or NULL for none.
func jsonQuery(c *compiler, e *Call) (node, error) {
	args, ok := match("ss?sss", e.Args)
	if !ok {
		return nil, nil
	}
	wrapper, onEmpty, onError := word(e, 2), word(e, 3), word(e, 4)
	query := func(paths *jsonPaths, text string, i int, dst []byte) ([]byte, error) {
		v, err := paths.structured(text, i, wrapper)
		switch {
		case err == nil:
			return append(dst, v...), nil
		case errors.Is(err, errEmpty):
			return onEmpty.text(dst, errors.New("JSON_QUERY: "+err.Error()), nil)
		case errors.Is(err, errJSON):
			return onError.text(dst, err, nil)
		}
		return dst, err
	}
	if list, ok := e.Of.(*arrow.ListType); ok {
		return c.call(e, jsonItems(list, query), args...)
	}
	if !isText(e.Of) {
		return nil, nil
	}
	return c.call(e, textOf(e.Of, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in, paths := viewsOf(args[0]), &jsonPaths{in: viewsOf(args[1])}
		return func(i int, dst []byte) ([]byte, error) { return query(paths, in.at(i), i, dst) }, nil
	}), args...)
}

// structured finds an object or array, or wraps what it finds in an array.
// Members of objects are sorted by name.
func (x *jsonPaths) structured(text string, i int, wrapper jsonAnswer) (jsontext.Value, error) {
	v, err := x.find(text, i)
	if err != nil {
		return nil, err
	}
	kind := v.Kind()
	switch {
	case kind == 'n':
		return nil, errEmpty
	case wrapper == "UNCONDITIONAL", wrapper == "CONDITIONAL" && kind != '[':
		v = append(append(jsontext.Value{'['}, v...), ']')
	case kind == '{', kind == '[':
	case x.path.lax:
		return nil, errEmpty
	default:
		return nil, fmt.Errorf("%w: the value at path %s is no object or array", errJSON, x.path.text)
	}
	v = v.Clone()
	if err := v.Format(jsontext.ReorderRawObjects(true), jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("%w: %w", errJSON, err)
	}
	return v, nil
}

// jsonItems is JSON_QUERY RETURNING ARRAY<STRING>: strings as they are, null as
// NULL, the rest as JSON.
func jsonItems(t *arrow.ListType, query func(paths *jsonPaths, text string, i int, dst []byte) ([]byte, error)) kernel {
	return func(f *frame, args []value) (value, error) {
		in, paths, valid := viewsOf(args[0]), &jsonPaths{in: viewsOf(args[1])}, readValid(args)
		b := array.NewBuilder(f.alloc, t).(*array.ListBuilder)
		defer b.Release()
		for i := range rows(f.n, args) {
			if valid[0].null(i) || valid[1].null(i) {
				b.AppendNull()
				continue
			}
			text, err := query(paths, in.at(i), i, nil)
			if err == errNull { //nolint:errorlint // never wrapped
				b.AppendNull()
				continue
			}
			if err != nil {
				return value{}, err
			}
			b.Append(true)
			_, members := jsonMembers(text)
			items := b.ValueBuilder().(*array.StringViewBuilder)
			for _, m := range members {
				switch m.Kind() {
				case 'n':
					items.AppendNull()
				case '"':
					s, err := jsontext.AppendUnquote(nil, m)
					if err != nil {
						return value{}, err
					}
					items.Append(string(s))
				default:
					items.Append(string(m))
				}
			}
		}
		return value{Array: b.NewArray(), scalar: allScalar(args)}, nil
	}
}

// jsonExists is json_exists(text, path [, on error]).
func jsonExists(c *compiler, e *Call) (node, error) {
	args, ok := match("ss?s", e.Args)
	if !ok {
		return nil, nil
	}
	onError := jsonAnswer("FALSE")
	if len(args) == 3 {
		onError = word(e, 2)
	}
	return c.call(e, testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
		in, paths := viewsOf(args[0]), &jsonPaths{in: viewsOf(args[1])}
		return func(i int) (bool, error) {
			v, err := paths.find(in.at(i), i)
			switch {
			case err == nil:
				return v.Kind() != 'n', nil
			case errors.Is(err, errEmpty):
				return false, nil
			case !errors.Is(err, errJSON) || onError == "ERROR":
				return false, err
			case onError == "UNKNOWN":
				return false, errNull
			}
			return onError == "TRUE", nil
		}, nil
	}), args...)
}
