package function

import (
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
)

// signature is parsed from a line such as "s i i? > s": the classes of the
// arguments, then the result.
//
//	class  takes                     is cast to
//	s      CHAR, VARCHAR             –
//	y      BINARY, VARBINARY         –
//	S      strings or bytes          –
//	i l    integers                  INT, BIGINT
//	d      numbers                   DOUBLE
//	n      numbers                   –
//	e      DECIMAL                   –
//	b      BOOLEAN                   –
//	D T    DATE, TIME                –
//	t      TIMESTAMP, TIMESTAMP_LTZ  –
//	p      TIMESTAMP                 –
//	z      TIMESTAMP_LTZ             –
//	x      DATE, TIME, timestamps    –
//	v      intervals                 –
//	A M    ARRAY, MAP                –
//	L      ARRAY                     ARRAY of the common type of all m and items of L
//	m      an item of the L          that type
//	J      ARRAY of strings          –
//	O      ARRAY of what has order   –
//	N      MAP                       the common type of all N
//	a      anything                  –
//	c      anything                  the common type of all c
//
// After a class, ? makes the argument optional and * lets it repeat any number
// of times. A string literal fits D, p and x where only one form of the
// function exists. The result is one of the letters for a fixed type, 0 or 1
// for the type of that argument, c for the common type, E for the element of
// argument 0, L for the ARRAY of L; ! after it means never NULL, ~ always nullable; otherwise it is
// nullable when an argument is.
type signature struct {
	args []class
	out  byte
	null nullability
}

type class struct {
	of       byte
	optional bool
	repeats  bool
}

type nullability uint8

const (
	nullIfArg nullability = iota
	nullNever
	nullAlways
)

func parseSignature(text string) (signature, error) {
	in, out, ok := strings.Cut(text, ">")
	out = strings.TrimSpace(out)
	if !ok || out == "" {
		return signature{}, fmt.Errorf("signature %q has no result", text)
	}
	s := signature{out: out[0]}
	switch {
	case strings.HasSuffix(out, "!"):
		s.null = nullNever
	case strings.HasSuffix(out, "~"):
		s.null = nullAlways
	}
	for _, f := range strings.Fields(in) {
		s.args = append(s.args, class{
			of: f[0], optional: strings.HasSuffix(f, "?"), repeats: strings.HasSuffix(f, "*"),
		})
	}
	return s, nil
}

var classNames = map[byte]string{
	's': "STRING", 'y': "BYTES", 'S': "STRING or BYTES", 'i': "INT", 'l': "BIGINT", 'd': "DOUBLE", 'n': "number",
	'e': "DECIMAL", 'b': "BOOLEAN", 'D': "DATE", 'T': "TIME", 't': "TIMESTAMP", 'p': "TIMESTAMP", 'z': "TIMESTAMP_LTZ",
	'x': "DATE, TIME or TIMESTAMP", 'v': "INTERVAL", 'A': "ARRAY", 'M': "MAP", 'L': "ARRAY", 'm': "item",
	'V': "VARIANT", 'J': "ARRAY<STRING>", 'O': "ARRAY of what has an order", 'N': "MAP", 'a': "any", 'c': "any",
}

// String shows the arguments to people: "(STRING, INT [, INT])".
func (s signature) String() string {
	var b strings.Builder
	b.WriteString("(")
	for i, a := range s.args {
		text := classNames[a.of]
		if i > 0 {
			text = ", " + text
		}
		switch {
		case a.optional:
			text = " [" + text + "]"
			if i == 0 {
				text = text[1:]
			}
		case a.repeats:
			text += ", …"
		}
		b.WriteString(text)
	}
	b.WriteString(")")
	return b.String()
}

// match checks the arguments and gives the types they are cast to, and the
// common type of the c arguments.
func (s signature) match(args []Arg) (casts []datatype.Type, common datatype.Type, ok bool) {
	classes, ok := s.spread(len(args))
	if !ok {
		return nil, common, false
	}
	casts = make([]datatype.Type, len(args))
	var joined commons
	for i, a := range args {
		to, ok := classes[i].accept(a.Type)
		if !ok || !joined.add(classes[i].of, a.Type) {
			return nil, common, false
		}
		casts[i] = to
	}
	for i, a := range args {
		switch null := a.Type.Nullable(); classes[i].of {
		case 'c':
			casts[i] = joined.any.WithNull(null)
		case 'L':
			casts[i] = datatype.ArrayOf(joined.item).WithNull(null)
		case 'm':
			casts[i] = joined.item.WithNull(null)
		case 'N':
			casts[i] = joined.maps.WithNull(null)
		}
	}
	switch s.out {
	case 'L':
		return casts, datatype.ArrayOf(joined.item), true
	case 'N':
		return casts, joined.maps, true
	}
	return casts, joined.any, true
}

// commons are the types that arguments have in common: those of class c, the
// items of L and m, and the maps N.
type commons struct {
	any, item, maps datatype.Type
	seen            [256]bool
}

func (j *commons) add(class byte, t datatype.Type) bool {
	into := &j.any
	switch class {
	case 'c':
	case 'm':
		class, into = 'L', &j.item
	case 'L':
		if into = &j.item; t.Kind == datatype.Null {
			return true
		}
		t = *t.Elem
	case 'N':
		if into = &j.maps; t.Kind == datatype.Null {
			return true
		}
	default:
		return true
	}
	if !j.seen[class] {
		j.seen[class] = true
		*into = t
		return true
	}
	var ok bool
	*into, ok = datatype.Common(*into, t)
	return ok
}

// spread assigns a class to each of n arguments.
func (s signature) spread(n int) ([]class, bool) {
	out := make([]class, 0, n)
	for _, c := range s.args {
		switch {
		case c.repeats:
			for len(out) < n {
				out = append(out, c)
			}
		case len(out) < n:
			out = append(out, c)
		case !c.optional:
			return nil, false
		}
	}
	return out, len(out) == n
}

// accept reports whether an argument of type t fits, and what it is cast to.
func (c class) accept(t datatype.Type) (datatype.Type, bool) {
	null := t.Nullable()
	if t.Kind == datatype.Null {
		if to, ok := fixed(c.of); ok {
			return to, true
		}
		return t, c.of == 'a' || c.of == 'c' || c.of == 'm'
	}
	switch c.of {
	case 'i':
		return datatype.Of(datatype.Int).WithNull(null), t.IsInteger()
	case 'l':
		return datatype.Of(datatype.BigInt).WithNull(null), t.IsInteger()
	case 'd':
		return datatype.Of(datatype.Double).WithNull(null), t.IsNumeric()
	}
	return t, c.fits(t)
}

func (c class) fits(t datatype.Type) bool {
	switch c.of {
	case 's':
		return t.IsString()
	case 'y':
		return t.IsBinary()
	case 'S':
		return t.IsString() || t.IsBinary()
	case 'n':
		return t.IsNumeric()
	case 'e':
		return t.Kind == datatype.Decimal
	case 'b':
		return t.Kind == datatype.Boolean
	case 'D':
		return t.Kind == datatype.Date
	case 'T':
		return t.Kind == datatype.Time
	case 't':
		return t.IsTimestamp()
	case 'p':
		return t.Kind == datatype.Timestamp
	case 'z':
		return t.Kind == datatype.TimestampLTZ
	case 'x':
		return t.IsTemporal()
	case 'v':
		return t.IsInterval()
	case 'V':
		return t.Kind == datatype.Variant
	case 'A', 'L':
		return t.Kind == datatype.Array
	case 'J':
		return t.Kind == datatype.Array && (t.Elem.IsString() || t.Elem.Kind == datatype.Null)
	case 'O':
		return t.Kind == datatype.Array && !t.Elem.IsNested()
	case 'M', 'N':
		return t.Kind == datatype.Map
	}
	return c.of == 'a' || c.of == 'c' || c.of == 'm'
}

// fixed is the type that a letter names.
func fixed(of byte) (datatype.Type, bool) {
	switch of {
	case 's', 'S':
		return datatype.String, true
	case 'y':
		return datatype.Bytes, true
	case 'i':
		return datatype.Of(datatype.Int), true
	case 'l':
		return datatype.Of(datatype.BigInt), true
	case 'd', 'n':
		return datatype.Of(datatype.Double), true
	case 'b':
		return datatype.Of(datatype.Boolean), true
	case 'D':
		return datatype.Of(datatype.Date), true
	case 'T':
		return datatype.Type{Kind: datatype.Time}, true
	case 't', 'p', 'x':
		return datatype.TimestampOf(3), true
	case 'z':
		return datatype.TimestampLTZOf(3), true
	case 'V':
		return datatype.Of(datatype.Variant), true
	}
	return datatype.Type{}, false
}

func (s signature) result(args []Arg, common datatype.Type) datatype.Type {
	switch s.out {
	case '0', '1':
		return args[s.out-'0'].Type
	case 'c', 'L', 'N':
		return common
	case 'E':
		if e := args[0].Type.Elem; e != nil {
			return e.WithNull(true)
		}
		return datatype.Type{}
	}
	t, _ := fixed(s.out)
	return t
}
