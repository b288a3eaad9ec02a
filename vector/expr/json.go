package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonFunctions look into JSON texts. What is no JSON, or is not there, is NULL:
//
//	json_value(text, path)    a scalar as a string
//	json_query(text, path)    an object or array as JSON
//	json_exists(text, path)   whether there is something
//	is_json(text [, 'VALUE' | 'SCALAR' | 'ARRAY' | 'OBJECT'])
//
// A path is [lax|strict] $, then .name, ['name'] or [index].
func jsonFunctions() map[string]maker {
	return map[string]maker{
		"json_value":   takes("ss", jsonText(false)),
		"json_query":   takes("ss", jsonText(true)),
		"json_exists":  takes("ss", jsonExists),
		"is_json":      isJSON,
		"json_quote":   mapText(appendJSONQuote),
		"json_unquote": mapText(unquoteJSON),
	}
}

// jsonStep is one step of a path: a name, or an index.
type jsonStep struct {
	name  string
	index int // -1 for a name
}

func parseJSONPath(s string) ([]jsonStep, error) {
	p := strings.TrimSpace(s)
	for _, mode := range []string{"lax ", "strict "} {
		p = strings.TrimSpace(strings.TrimPrefix(p, mode))
	}
	bad := fmt.Errorf("JSON path '%s' cannot be read; write it as $.name[0]['other name']", s)
	if !strings.HasPrefix(p, "$") {
		return nil, bad
	}
	var steps []jsonStep
	for p = p[1:]; p != ""; {
		switch {
		case p[0] == '.':
			end := strings.IndexAny(p[1:], ".[") + 1
			if end == 0 {
				end = len(p)
			}
			if end == 1 {
				return nil, bad
			}
			steps = append(steps, jsonStep{name: p[1:end], index: -1})
			p = p[end:]
		case strings.HasPrefix(p, "['"):
			end := strings.Index(p, "']")
			if end < 0 {
				return nil, bad
			}
			steps = append(steps, jsonStep{name: p[2:end], index: -1})
			p = p[end+2:]
		case p[0] == '[':
			end := strings.IndexByte(p, ']')
			if end < 0 {
				return nil, bad
			}
			n, err := strconv.Atoi(strings.TrimSpace(p[1:end]))
			if err != nil || n < 0 {
				return nil, bad
			}
			steps = append(steps, jsonStep{index: n})
			p = p[end+1:]
		default:
			return nil, bad
		}
	}
	return steps, nil
}

// jsonPaths finds values by the paths of an argument, mostly a literal.
type jsonPaths struct {
	in    views
	last  string
	steps []jsonStep
	ready bool
	dec   jsontext.Decoder
}

// find returns the value at the path, or errNull.
func (x *jsonPaths) find(text string, i int) (jsontext.Value, error) {
	if p := x.in.at(i); !x.ready || p != x.last {
		steps, err := parseJSONPath(p)
		if err != nil {
			return nil, err
		}
		x.last, x.steps, x.ready = strings.Clone(p), steps, true
	}
	x.dec.Reset(strings.NewReader(text), jsontext.AllowDuplicateNames(true))
	for _, step := range x.steps {
		if !x.enter(step) {
			return nil, errNull
		}
	}
	v, err := x.dec.ReadValue()
	if err != nil {
		return nil, errNull
	}
	return v, nil
}

// enter moves to the member that step names.
func (x *jsonPaths) enter(step jsonStep) bool {
	open := jsontext.Kind('[')
	if step.index < 0 {
		open = '{'
	}
	if x.dec.PeekKind() != open {
		return false
	}
	if _, err := x.dec.ReadToken(); err != nil {
		return false
	}
	for n := 0; ; n++ {
		switch x.dec.PeekKind() {
		case '}', ']', 0:
			return false
		default:
		}
		if step.index < 0 {
			name, err := x.dec.ReadToken()
			if err != nil {
				return false
			}
			if name.String() == step.name {
				return true
			}
		} else if n == step.index {
			return true
		}
		if x.dec.SkipValue() != nil {
			return false
		}
	}
}

func jsonText(structured bool) func(c *compiler, e *Call) (kernel, error) {
	return func(_ *compiler, e *Call) (kernel, error) {
		if !isText(e.Of) {
			return nil, nil
		}
		return textOf(e.Of, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in, paths := viewsOf(args[0]), &jsonPaths{in: viewsOf(args[1])}
			return func(i int, dst []byte) ([]byte, error) {
				v, err := paths.find(in.at(i), i)
				if err != nil {
					return dst, err
				}
				kind := v.Kind()
				switch {
				case (kind == '{' || kind == '[') != structured || kind == 'n':
					return dst, errNull
				case kind == '"':
					return jsontext.AppendUnquote(dst, v)
				case structured && v.Compact() != nil:
					return dst, errNull
				}
				return append(dst, v...), nil
			}, nil
		}), nil
	}
}

func jsonExists(*compiler, *Call) (kernel, error) {
	return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
		in, paths := viewsOf(args[0]), &jsonPaths{in: viewsOf(args[1])}
		return func(i int) (bool, error) {
			_, err := paths.find(in.at(i), i)
			if err == errNull { //nolint:errorlint // never wrapped
				return false, nil
			}
			return err == nil, err
		}, nil
	}), nil
}

// isJSON is never NULL.
func isJSON(c *compiler, e *Call) (node, error) {
	want := "VALUE"
	if len(e.Args) == 2 {
		l, ok := e.Args[1].(*Literal)
		if !ok {
			return nil, nil
		}
		want, _ = l.Value.(string)
	}
	if len(e.Args) == 0 || len(e.Args) > 2 || !isText(e.Args[0].Type()) {
		return nil, nil
	}
	test := testText(func(s string) bool {
		v := jsontext.Value(s)
		if !v.IsValid(jsontext.AllowDuplicateNames(true)) {
			return false
		}
		switch v.Kind() {
		case '{':
			return want == "VALUE" || want == "OBJECT"
		case '[':
			return want == "VALUE" || want == "ARRAY"
		default:
		}
		return want == "VALUE" || want == "SCALAR"
	})
	return neverNull(test)(c, &Call{Func: e.Func, Args: e.Args[:1], Of: arrow.FixedWidthTypes.Boolean})
}

// appendJSONQuote quotes a string in ASCII, as Flink does.
func appendJSONQuote(dst []byte, s string) ([]byte, error) {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r < ' ' && strings.ContainsRune("\b\f\n\r\t", r):
			dst = append(dst, '\\', "btnvfr"[r-'\b'])
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, hi, lo)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
	}
	return append(dst, '"'), nil
}

// unquoteJSON takes off the quotes around a string, and its escapes. What is
// not quoted, or has an escape that is none, stays as it is.
func unquoteJSON(dst []byte, s string) ([]byte, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return append(dst, s...), nil
	}
	from := len(dst)
	for in := s[1 : len(s)-1]; in != ""; {
		r, size := unescapeJSON(in)
		if size == 0 {
			return append(dst[:from], s...), nil
		}
		if r < 0 {
			dst = append(dst, in[0])
		} else {
			dst = utf8.AppendRune(dst, r)
		}
		in = in[size:]
	}
	return dst, nil
}

// unescapeJSON reads one escape and returns its length, 0 when it is none, or
// -1 and 1 for a byte that stands for itself.
func unescapeJSON(s string) (r rune, size int) {
	if s[0] != '\\' {
		return -1, 1
	}
	if len(s) < 2 {
		return 0, 0
	}
	if at := strings.IndexByte(`"\/bfnrt`, s[1]); at >= 0 {
		return rune("\"\\/\b\f\n\r\t"[at]), 2
	}
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}
	r, ok := unit(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unit(s[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return utf16.DecodeRune(r, low), 12
		}
	}
	return r, 6
}
