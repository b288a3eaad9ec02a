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

// jsonFunctions look into JSON texts and make them:
//
//	json_value(text, path [, on empty, on error, default, default])   a scalar as a string
//	json_query(text, path [, wrapper, on empty, on error])            an object or array as JSON or as an ARRAY<STRING>
//	json_exists(text, path [, on error])                              whether there is something
//	is_json(text [, 'VALUE' | 'SCALAR' | 'ARRAY' | 'OBJECT'])
//	json_object(kinds, key, value, …), json_array(kinds, value, …)    see jsonmake.go
//	json_string(value), json_quote(text), json_unquote(text)
//
// Without the answers to an empty result and to an error, both are NULL.
func jsonFunctions() map[string]maker {
	return map[string]maker{
		"json_value":   jsonValue,
		"json_query":   jsonQuery,
		"json_exists":  jsonExists,
		"is_json":      isJSON,
		"json_object":  jsonObject,
		"json_array":   jsonArray,
		"json_string":  jsonString,
		"json_quote":   mapText(appendJSONQuote),
		"json_unquote": mapText(unquoteJSON),
	}
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
