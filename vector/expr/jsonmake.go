package expr

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wadi-engine/wadi/vector/chrono"
)

// jsonObject is json_object(kinds, key, value, key, value, …). The literal kinds
// has one letter per value: v for a value, j for a text that is JSON already, n
// and x for the same where NULL is left out.
func jsonObject(c *compiler, e *Call) (node, error) {
	kinds, args, ok := jsonKinds(e, 2)
	if !ok {
		return nil, nil
	}
	return c.call(e, looseText(e.Of, func(f *frame, args []value) func(i int, dst []byte) ([]byte, error) {
		p, in := &jsonPrinter{env: f.env}, jsonColumns(args)
		type member struct{ name, value []byte }
		return func(i int, dst []byte) ([]byte, error) {
			var members []member
			for k := range kinds {
				key, val := in[2*k], in[2*k+1]
				if key.null(key.row(i)) {
					return dst, errors.New("a key of JSON_OBJECT is NULL")
				}
				text, err := p.argument(kinds[k], val, i)
				if err != nil || text == nil {
					if err != nil {
						return dst, err
					}
					continue
				}
				name := []byte(key.views.at(key.row(i)))
				members = slices.DeleteFunc(members, func(m member) bool { return string(m.name) == string(name) })
				members = append(members, member{name, text})
			}
			slices.SortFunc(members, func(a, b member) int { return strings.Compare(string(a.name), string(b.name)) })
			dst = append(dst, '{')
			for k, m := range members {
				if k > 0 {
					dst = append(dst, ',')
				}
				var err error
				if dst, err = jsontext.AppendQuote(dst, m.name); err != nil {
					return dst, err
				}
				dst = append(append(dst, ':'), m.value...)
			}
			return append(dst, '}'), nil
		}
	}), args...)
}

// jsonArray is json_array(kinds, value, …).
func jsonArray(c *compiler, e *Call) (node, error) {
	kinds, args, ok := jsonKinds(e, 1)
	if !ok {
		return nil, nil
	}
	return c.call(e, looseText(e.Of, func(f *frame, args []value) func(i int, dst []byte) ([]byte, error) {
		p, in := &jsonPrinter{env: f.env}, jsonColumns(args)
		return func(i int, dst []byte) ([]byte, error) {
			dst = append(dst, '[')
			first := true
			for k := range kinds {
				text, err := p.argument(kinds[k], in[k], i)
				if err != nil {
					return dst, err
				}
				if text == nil {
					continue
				}
				if !first {
					dst = append(dst, ',')
				}
				first = false
				dst = append(dst, text...)
			}
			return append(dst, ']'), nil
		}
	}), args...)
}

// jsonKinds takes off the literal of letters, one for every per arguments.
func jsonKinds(e *Call, per int) (kinds string, args []Expr, ok bool) {
	if len(e.Args) == 0 || !isText(e.Of) {
		return "", nil, false
	}
	l, ok := e.Args[0].(*Literal)
	if !ok {
		return "", nil, false
	}
	kinds, ok = l.Value.(string)
	return kinds, e.Args[1:], ok && len(kinds)*per == len(e.Args)-1
}

func jsonColumns(args []value) []*column {
	out := make([]*column, len(args))
	for i, a := range args {
		out[i] = cells(a)
	}
	return out
}

// jsonString is json_string(value).
func jsonString(c *compiler, e *Call) (node, error) {
	if len(e.Args) != 1 || !isText(e.Of) {
		return nil, nil
	}
	return c.call(e, textOf(e.Of, func(f *frame, args []value) (func(i int, dst []byte) ([]byte, error), error) {
		p, in := &jsonPrinter{env: f.env}, cells(args[0])
		return func(i int, dst []byte) ([]byte, error) { return p.append(dst, in, in.row(i)) }, nil
	}), e.Args...)
}

// jsonPrinter prints values as JSON, as Flink does: numbers as numbers, times in
// ISO form, bytes in base64, rows and maps as objects.
type jsonPrinter struct{ env *Env }

// argument is the JSON of an argument, valid until the next; nil when it is
// left out.
func (p *jsonPrinter) argument(kind byte, c *column, i int) ([]byte, error) {
	i = c.row(i)
	if c.null(i) || kind == 'j' && strings.TrimSpace(c.views.at(i)) == "" || kind == 'x' && strings.TrimSpace(c.views.at(i)) == "" {
		if kind == 'n' || kind == 'x' {
			return nil, nil
		}
		return []byte("null"), nil
	}
	if kind == 'j' || kind == 'x' {
		v := jsontext.Value(c.views.at(i)).Clone()
		if err := v.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, fmt.Errorf("JSON('%s') is no JSON: %w", c.views.at(i), err)
		}
		return v, nil
	}
	return p.append(nil, c, i)
}

func (p *jsonPrinter) append(dst []byte, c *column, i int) ([]byte, error) {
	if c.null(i) {
		return append(dst, "null"...), nil
	}
	switch t := c.of.(type) {
	case *arrow.BooleanType:
		if c.bits.at(i) {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case *arrow.StringViewType:
		return jsontext.AppendQuote(dst, c.views.at(i))
	case *arrow.BinaryViewType:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, []byte(c.views.at(i)))
		return append(dst, '"'), nil
	case *arrow.TimestampType:
		return p.timestamp(dst, c.integers[i], t), nil
	case *arrow.Date32Type, *arrow.Time32Type, *arrow.MonthIntervalType, *arrow.DurationType:
		dst = append(dst, '"')
		dst = (&printer{env: p.env, name: noName}).append(dst, c, i)
		return append(dst, '"'), nil
	}
	switch c.class {
	case rowClass, listClass, mapClass:
		return p.nested(dst, c, i)
	default:
	}
	return (&printer{env: p.env, name: noName}).append(dst, c, i), nil
}

// timestamp prints 1990-06-02T13:37:42.001, with a Z for an instant, and the
// digits of the second's fraction that are there.
func (p *jsonPrinter) timestamp(dst []byte, v int64, t *arrow.TimestampType) []byte {
	sec, nano := split(v, perSecond(t))
	digits := 9
	for n := nano; digits > 0 && n%1000 == 0; n /= 1000 {
		digits -= 3
	}
	dst = append(dst, '"')
	from := len(dst)
	dst = chrono.AppendTimestamp(dst, chrono.Of(sec, nano), digits)
	if at := strings.IndexByte(string(dst[from:]), ' '); at >= 0 {
		dst[from+at] = 'T'
	}
	if t.TimeZone != "" {
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}

func (p *jsonPrinter) nested(dst []byte, c *column, i int) (_ []byte, err error) {
	if c.class == rowClass {
		dst = append(dst, '{')
		for k, m := range c.members {
			if k > 0 {
				dst = append(dst, ',')
			}
			if dst, err = jsontext.AppendQuote(dst, c.of.(*arrow.StructType).Field(k).Name); err != nil {
				return dst, err
			}
			if dst, err = p.append(append(dst, ':'), m, i); err != nil {
				return dst, err
			}
		}
		return append(dst, '}'), nil
	}
	open, end := byte('['), byte(']')
	if c.class == mapClass {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	from, to := c.items(i)
	for at := from; at < to; at++ {
		if at > from {
			dst = append(dst, ',')
		}
		if c.class == mapClass {
			key := (&printer{env: p.env, name: noName}).append(nil, c.members[0], at)
			if dst, err = jsontext.AppendQuote(dst, key); err != nil {
				return dst, err
			}
			dst = append(dst, ':')
		}
		if dst, err = p.append(dst, c.members[len(c.members)-1], at); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}
