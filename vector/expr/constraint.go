package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// constraintFunctions hold values to the types of a table's columns:
//
//	broken_constraint(x, name, type, checks)   what is wrong with x, or NULL
//	checked(x, what is wrong)                  x, or an error for a row with a text
//
// The literal checks has a letter for each: t: x is not NULL; n: nor is what the
// fields of its type say; l: texts and bytes fit their lengths; r and c: look
// into rows, and into collections, too.
func constraintFunctions() map[string]maker {
	return map[string]maker{"broken_constraint": brokenConstraint, "checked": checked}
}

// ConstraintError is a value that a column does not allow.
type ConstraintError struct{ Broken string }

func (e *ConstraintError) Error() string { return e.Broken }

type constraint struct {
	name   string
	checks string
}

func (k *constraint) has(check string) bool { return strings.Contains(k.checks, check) }

func brokenConstraint(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 4 || !isText(e.Of) {
		return nil, nil
	}
	k := &constraint{name: string(word(e, 1)), checks: string(word(e, 3))}
	shape, err := parseTypeName(string(word(e, 2)))
	if err != nil {
		return nil, err
	}
	return c.call(e, func(f *frame, args []value) (value, error) {
		if args[0].NullN() == 0 && !k.has("l") && !isNestedClass(classOf(args[0].DataType())) {
			return nullScalar(f, e.Of), nil
		}
		in := cells(args[0])
		return looseText(e.Of, func(*frame, []value) func(i int, dst []byte) ([]byte, error) {
			return func(i int, dst []byte) ([]byte, error) {
				if why := k.broken(in, in.row(i), shape, !k.has("t"), k.name); why != "" {
					return append(dst, why...), nil
				}
				return dst, errNull
			}
		})(f, args)
	}, e.Args[0])
}

func isNestedClass(c class) bool { return c == rowClass || c == listClass || c == mapClass }

// broken says what is wrong with the value of row i, which stands at path.
func (k *constraint) broken(c *column, i int, shape typeName, nullable bool, path string) string {
	if c.null(i) {
		if nullable || !k.has("n") {
			return ""
		}
		return "column '" + path + "' is NOT NULL, and a null is being written into it; 'table.exec.sink.not-null-enforcer' = 'DROP' leaves out such rows"
	}
	switch c.class {
	case viewClass:
		return k.tooLong(c.views.at(i), shape, path)
	case rowClass:
		if !k.has("r") {
			return ""
		}
		for m, f := range c.of.(*arrow.StructType).Fields() {
			if why := k.broken(c.members[m], i, shape.member(m), f.Nullable, path+"."+f.Name); why != "" {
				return why
			}
		}
	case listClass, mapClass:
		if k.has("c") {
			return k.brokenItem(c, i, shape, path)
		}
	default:
	}
	return ""
}

func (k *constraint) brokenItem(c *column, i int, shape typeName, path string) string {
	from, to := c.items(i)
	for at := from; at < to; at++ {
		for m, member := range c.members {
			place, nullable := "["+strconv.Itoa(at-from)+"]", true
			switch t := c.of.(type) {
			case *arrow.ListType:
				nullable = t.ElemField().Nullable
			case *arrow.MapType:
				place = []string{"[key]", "[value]"}[m]
				nullable = m == 1 && t.ItemField().Nullable
			}
			if why := k.broken(member, at, shape.member(m), nullable, path+place); why != "" {
				return why
			}
		}
	}
	return ""
}

// tooLong holds a text to CHAR(n) and VARCHAR(n), bytes to BINARY(n) and
// VARBINARY(n).
func (k *constraint) tooLong(s string, shape typeName, path string) string {
	if !k.has("l") || shape.n < 0 {
		return ""
	}
	n := len(s)
	if strings.HasSuffix(shape.root, "CHAR") {
		n = utf8.RuneCountInString(s)
	}
	if n == shape.n || n < shape.n && strings.HasPrefix(shape.root, "VAR") {
		return ""
	}
	return fmt.Sprintf("column '%s' is %s(%d), and a value of length %d is being written into it; 'table.exec.sink.type-length-enforcer' decides what is done about it",
		path, shape.root, shape.n, n)
}

// checked passes its first argument on, unless a row of the second has a text.
func checked(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 2 || !isText(e.Args[1].Type()) {
		return nil, nil
	}
	return c.call(e, func(_ *frame, args []value) (value, error) {
		if args[1].NullN() < args[1].Len() {
			texts, valid := viewsOf(args[1]), validityOf(args[1])
			for i := range args[1].Len() {
				if !valid.null(i) {
					return value{}, &ConstraintError{Broken: texts.at(i)}
				}
			}
		}
		args[0].Retain()
		return args[0], nil
	}, e.Args...)
}
