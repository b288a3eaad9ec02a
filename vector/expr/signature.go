package expr

import (
	"github.com/apache/arrow-go/v18/arrow"
)

// takes makes a maker for a function with arguments of simple kinds, one
// letter each:
//
//	s string   y bytes   S string or bytes   i any integer   d any number, as DOUBLE
//	b boolean   a anything   ? what follows may be left out   * the last repeats
//
// A literal NULL fits every kind. The kernel is made once per call.
func takes(sig string, run func(c *compiler, e *Call) (kernel, error)) maker {
	return func(c *compiler, e *Call) (node, error) {
		args, ok := match(sig, e.Args)
		if !ok {
			return nil, nil
		}
		k, err := run(c, &Call{Func: e.Func, Args: args, Of: e.Of})
		if err != nil || k == nil {
			return nil, err
		}
		return c.call(e, k, args...)
	}
}

// match converts arguments to the kinds of sig.
func match(sig string, args []Expr) ([]Expr, bool) {
	var kinds []byte
	least, repeat := -1, false
	for _, k := range []byte(sig) {
		switch k {
		case '?':
			least = len(kinds)
		case '*':
			repeat = true
		default:
			kinds = append(kinds, k)
		}
	}
	if least < 0 {
		least = len(kinds)
	}
	if len(args) < least || len(args) > len(kinds) && !repeat {
		return nil, false
	}
	out := make([]Expr, len(args))
	for i, a := range args {
		var ok bool
		if out[i], ok = fitKind(kinds[min(i, len(kinds)-1)], a); !ok {
			return nil, false
		}
	}
	return out, true
}

func fitKind(kind byte, e Expr) (Expr, bool) {
	t := e.Type()
	null := t.ID() == arrow.NULL
	typed := func(to arrow.DataType) (Expr, bool) { return as(e, to), true }
	switch kind {
	case 's':
		if null {
			return typed(arrow.BinaryTypes.StringView)
		}
		return e, isText(t)
	case 'y':
		if null {
			return typed(arrow.BinaryTypes.BinaryView)
		}
		return e, isBytes(t)
	case 'S':
		if null {
			return typed(arrow.BinaryTypes.StringView)
		}
		return e, isText(t) || isBytes(t)
	case 'i':
		if null {
			return typed(arrow.PrimitiveTypes.Int64)
		}
		return e, isInteger(t)
	case 'd':
		if !null && !isNumeric(t) {
			return nil, false
		}
		return typed(arrow.PrimitiveTypes.Float64)
	case 'b':
		if null {
			return typed(arrow.FixedWidthTypes.Boolean)
		}
		return e, isBool(t)
	}
	return e, true
}

// simple is takes for kernels that need to know nothing but the result's type.
func simple(sig string, run func(t arrow.DataType) kernel) maker {
	return takes(sig, func(_ *compiler, e *Call) (kernel, error) { return run(e.Of), nil })
}

// countOf computes an integer of type t.
func countOf(t arrow.DataType, bind func(f *frame, args []value) (func(i int) (int64, error), error)) kernel {
	switch classOf(t) {
	case int8Class:
		return narrowed[int8](t, bind)
	case int16Class:
		return narrowed[int16](t, bind)
	case int32Class:
		return narrowed[int32](t, bind)
	case int64Class:
		return rowsOf(t, bind)
	default:
	}
	return nil
}

func narrowed[T integer](t arrow.DataType, bind func(f *frame, args []value) (func(i int) (int64, error), error)) kernel {
	return rowsOf(t, func(f *frame, args []value) (func(i int) (T, error), error) {
		row, err := bind(f, args)
		if err != nil {
			return nil, err
		}
		return func(i int) (T, error) {
			v, err := row(i)
			return T(v), err
		}, nil
	})
}

// Shapes of functions of strings. Each reads its arguments once per batch.

// mapText is string → string.
func mapText(row func(dst []byte, s string) ([]byte, error)) maker {
	return simple("s", func(t arrow.DataType) kernel {
		return textOf(t, func(_ *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
			in := viewsOf(args[0])
			return func(i int, dst []byte) ([]byte, error) { return row(dst, in.at(i)) }, nil
		})
	})
}

// countText is string → integer.
func countText(sig string, row func(s string) int64) maker {
	return simple(sig, func(t arrow.DataType) kernel {
		return countOf(t, func(_ *frame, args []value) (func(i int) (int64, error), error) {
			in := viewsOf(args[0])
			return func(i int) (int64, error) { return row(in.at(i)), nil }, nil
		})
	})
}

// testTexts is string, string → boolean.
func testTexts(sig string, row func(a, b string) bool) maker {
	return simple(sig, func(arrow.DataType) kernel {
		return testOf(func(_ *frame, args []value) (func(i int) (bool, error), error) {
			a, b := viewsOf(args[0]), viewsOf(args[1])
			return func(i int) (bool, error) { return row(a.at(i), b.at(i)), nil }, nil
		})
	})
}

// partText is a part of a string, chosen by up to two integers.
func partText(sig string, row func(s string, a, b int64, both bool) (string, error)) maker {
	return simple(sig, func(t arrow.DataType) kernel {
		return partOf(t, func(f *frame, args []value) (func(i int, s string) (string, error), error) {
			a := integers(f, args[1])
			if len(args) == 2 {
				return func(i int, s string) (string, error) { return row(s, a.at(i), 0, false) }, nil
			}
			b := integers(f, args[2])
			return func(i int, s string) (string, error) { return row(s, a.at(i), b.at(i), true) }, nil
		})
	})
}

// neverNull makes a test false where its result is NULL.
func neverNull(m maker) maker {
	return func(c *compiler, e *Call) (node, error) {
		n, err := m(c, e)
		if err != nil || n == nil {
			return nil, err
		}
		no, err := c.node(&Literal{Value: false, Of: arrow.FixedWidthTypes.Boolean})
		if err != nil {
			return nil, err
		}
		return &coalesceNode{of: arrow.FixedWidthTypes.Boolean, args: []node{n, no}}, nil
	}
}
