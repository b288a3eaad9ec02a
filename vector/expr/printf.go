package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector/chrono"
	"github.com/wadi-engine/wadi/vector/decimal"
)

// printf is printf(format, a, b, …) with the directives that Java's and Go's
// formats have in common: %s %d %x %o %b %c %f %e %g and %%, with flags, width
// and precision. A format that does not fit its arguments gives NULL.
func printf(c *compiler, e *Call) (node, error) {
	return simple("s?a*", func(t arrow.DataType) kernel {
		return looseText(t, func(_ *frame, args []value) func(i int, dst []byte) ([]byte, error) {
			format, null := viewsOf(args[0]), validityOf(args[0])
			in := make([]*column, len(args)-1)
			for k, a := range args[1:] {
				in[k] = cells(a)
			}
			return func(i int, dst []byte) ([]byte, error) {
				if null.null(i) {
					return dst, errNull
				}
				return appendFormat(dst, format.at(i), in, i)
			}
		})
	})(c, e)
}

func appendFormat(dst []byte, format string, args []*column, i int) ([]byte, error) {
	next := 0
	for format != "" {
		at := strings.IndexByte(format, '%')
		if at < 0 {
			return append(dst, format...), nil
		}
		dst, format = append(dst, format[:at]...), format[at+1:]
		end := strings.IndexAny(format, "sSdxXobBcfeEgn%")
		if end < 0 || strings.Trim(format[:end], "-+ 0#.123456789") != "" {
			return dst, errNull
		}
		flags, verb := format[:end], format[end]
		format = format[end+1:]
		switch verb {
		case '%':
			dst = append(dst, '%')
			continue
		case 'n':
			dst = append(dst, '\n')
			continue
		}
		if next == len(args) {
			return dst, errNull
		}
		var err error
		if dst, err = appendDirective(dst, flags, verb, args[next], args[next].row(i)); err != nil {
			return dst, err
		}
		next++
	}
	return dst, nil
}

func appendDirective(dst []byte, flags string, verb byte, c *column, i int) ([]byte, error) {
	if width, err := strconv.Atoi(strings.TrimLeft(flags, "-+ 0#")); err == nil && width > 1<<16 {
		return dst, errNull
	}
	put := func(verb byte, v any) ([]byte, error) {
		return fmt.Appendf(dst, "%"+flags+string(verb), v), nil
	}
	switch verb {
	case 's', 'S':
		text := javaText(c, i)
		if verb == 'S' {
			text = strings.ToUpper(text)
		}
		return put('s', text)
	case 'b', 'B':
		is := !c.null(i) && (c.class != boolClass || c.bits.at(i))
		return put('t', is)
	case 'd', 'x', 'X', 'o', 'c':
		switch {
		case c.null(i):
			return put('s', "null")
		case c.integers != nil:
			return put(verb, c.integers[i])
		}
	case 'f', 'e', 'E', 'g':
		switch {
		case c.null(i):
			return put('s', "null")
		case c.floats != nil:
			return put(verb, c.floats[i])
		case c.decimals != nil:
			_, scale := digits(c.of)
			return put(verb, decimal.Float(c.decimals[i], scale))
		}
	}
	return dst, errNull
}

// javaText is what Java's toString gives for the value: numbers of days and
// milliseconds for dates and times, 2024-07-30T10:24 for timestamps.
func javaText(c *column, i int) string {
	if c.null(i) {
		return "null"
	}
	switch t := c.of.(type) {
	case *arrow.BooleanType:
		return strconv.FormatBool(c.bits.at(i))
	case *arrow.TimestampType:
		sec, nano := split(c.integers[i], perSecond(t))
		text := string(chrono.AppendTimestamp(nil, chrono.Of(sec, nano), 0))
		return strings.Replace(strings.TrimSuffix(text, ":00"), " ", "T", 1)
	}
	if c.integers != nil {
		return strconv.FormatInt(c.integers[i], 10)
	}
	return string((&printer{env: Env{}.withDefaults(), name: noName}).append(nil, c, i))
}
