package expr

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// variantFunctions are about VARIANT, whose values are JSON texts without white
// space; JSON's null is the text null, which is not NULL:
//
//	parse_json(text [, last of equal names]), try_parse_json(…)
//	variant_item(variant, name) or (variant, index from 1)     NULL where there is none
//	variant_json(variant)                                      as text
//	variant_text(variant, kind), try_variant_text(…)           a scalar of a kind: n, b, s, or x for any
func variantFunctions() map[string]maker {
	return map[string]maker{
		"parse_json": parseJSON(false), "try_parse_json": parseJSON(true),
		"variant_item": variantItem,
		"variant_json": mapText(func(dst []byte, s string) ([]byte, error) { return append(dst, s...), nil }),
		"variant_text": variantText(false), "try_variant_text": variantText(true),
	}
}

func parseJSON(try bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		duplicates := false
		if len(e.Args) == 2 {
			l, ok := e.Args[1].(*Literal)
			if !ok {
				return nil, nil
			}
			if duplicates, ok = l.Value.(bool); !ok {
				return nil, nil
			}
		}
		if len(e.Args) == 0 || len(e.Args) > 2 || !isText(e.Args[0].Type()) || !isText(e.Of) {
			return nil, nil
		}
		return c.call(e, textOf(e.Of, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := viewsOf(args[0])
			return func(i int, dst []byte) ([]byte, error) {
				v := jsontext.Value(in.at(i))
				err := v.Compact(jsontext.AllowDuplicateNames(duplicates))
				switch {
				case err == nil:
					return append(dst, v...), nil
				case try:
					return dst, errNull
				}
				return dst, fmt.Errorf("%.80q is not JSON: %w", in.at(i), err)
			}, nil
		}), e.Args[0])
	}
}

// variantItem is a member of an object, or an element of an array.
func variantItem(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 || !isText(e.Args[0].Type()) || !isText(e.Of) {
		return nil, nil
	}
	named := isText(e.Args[1].Type())
	if !named && !isInteger(e.Args[1].Type()) {
		return nil, nil
	}
	return c.call(e, textOf(e.Of, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		in := viewsOf(args[0])
		if named {
			names := viewsOf(args[1])
			return func(i int, dst []byte) ([]byte, error) { return member(dst, in.at(i), names.at(i)) }, nil
		}
		at := integers(f, args[1])
		return func(i int, dst []byte) ([]byte, error) { return nthElement(dst, in.at(i), at.at(i)) }, nil
	}), e.Args...)
}

// member appends the last member of an object with this name.
func member(dst []byte, object, name string) ([]byte, error) {
	if !strings.HasPrefix(object, "{") {
		return dst, errNull
	}
	d := jsontext.NewDecoder(strings.NewReader(object), jsontext.AllowDuplicateNames(true))
	var found jsontext.Value
	if _, err := d.ReadToken(); err != nil {
		return dst, err
	}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return dst, err
		}
		wanted := t.String() == name
		v, err := d.ReadValue()
		if err != nil {
			return dst, err
		}
		if wanted {
			found = v.Clone()
		}
	}
	if found == nil {
		return dst, errNull
	}
	return append(dst, found...), nil
}

// nthElement appends element n of an array, from 1.
func nthElement(dst []byte, array string, n int64) ([]byte, error) {
	if !strings.HasPrefix(array, "[") || n < 1 {
		return dst, errNull
	}
	d := jsontext.NewDecoder(strings.NewReader(array), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return dst, err
	}
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return dst, err
		}
		if n--; n == 0 {
			return append(dst, v...), nil
		}
	}
	return dst, errNull
}

// variantText gives the text of a scalar, for a CAST. Numbers are cast to numbers
// only, and so on; JSON's null is NULL.
func variantText(try bool) maker {
	return func(c *compiler, e *Call) (node, error) {
		if len(e.Args) != 2 || !isText(e.Args[0].Type()) || !isText(e.Of) {
			return nil, nil
		}
		l, ok := e.Args[1].(*Literal)
		if !ok {
			return nil, nil
		}
		want, ok := l.Value.(string)
		if !ok {
			return nil, nil
		}
		return c.call(e, textOf(e.Of, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := viewsOf(args[0])
			return func(i int, dst []byte) ([]byte, error) {
				s := in.at(i)
				kind := jsontext.Value(s).Kind()
				switch {
				case kind == 'n':
					return dst, errNull
				case want == "x" && (kind == 't' || kind == 'f'):
					return append(dst, strings.ToUpper(s)...), nil
				case want == "x" && kind == '0', want == "n" && kind == '0', want == "b" && (kind == 't' || kind == 'f'):
					return append(dst, s...), nil
				case kind == '"' && (want == "s" || want == "x"):
					return jsontext.AppendUnquote(dst, s)
				case try:
					return dst, errNull
				}
				return dst, fmt.Errorf("%.80s is no %s", s, map[string]string{"n": "number", "b": "boolean", "s": "text", "x": "scalar; JSON_STRING gives its text"}[want])
			}, nil
		}), e.Args[0])
	}
}
