package agg

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/vector"
)

// jsonArrays is JSON_ARRAYAGG of values that are JSON.
func (a *listed) jsonArrays(t *Table, ids []uint32, counts []int) arrow.Array {
	items := a.values(t, 0, ids)
	defer items.Release()
	v := vector.ViewsOf(items)
	var text []byte
	return a.texts(t, counts, func(_, from, to int) ([]byte, bool) {
		text = append(text[:0], '[')
		for i := from; i < to; i++ {
			if i > from {
				text = append(text, ',')
			}
			text = appendJSON(text, items, v, i)
		}
		return append(text, ']'), true
	})
}

// appendJSON appends the JSON in row i, or null.
func appendJSON(dst []byte, col arrow.Array, v vector.Views, i int) []byte {
	if col.IsNull(i) {
		return append(dst, "null"...)
	}
	return append(dst, v.At(i)...)
}

// jsonObjects is JSON_OBJECTAGG of keys and values that are JSON; the keys are
// in order, and no two may be equal.
func (a *listed) jsonObjects(t *Table, ids []uint32, counts []int) arrow.Array {
	keys, values := a.values(t, 0, ids), a.values(t, 1, ids)
	defer keys.Release()
	defer values.Release()
	k, v := vector.ViewsOf(keys), vector.ViewsOf(values)
	var text []byte
	var order []int
	return a.texts(t, counts, func(_, from, to int) ([]byte, bool) {
		order = order[:0]
		for i := from; i < to; i++ {
			order = append(order, i)
		}
		slices.SortStableFunc(order, func(x, y int) int { return bytes.Compare(k.At(x), k.At(y)) })
		text = append(text[:0], '{')
		for n, i := range order {
			if n > 0 {
				if bytes.Equal(k.At(i), k.At(order[n-1])) {
					t.err = fmt.Errorf("JSON_OBJECTAGG has the key %q twice", k.At(i))
				}
				text = append(text, ',')
			}
			text = quoteJSON(text, k.At(i))
			text = append(text, ':')
			text = appendJSON(text, values, v, i)
		}
		return append(text, '}'), true
	})
}

// quoteJSON appends a string of JSON.
func quoteJSON(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c < 0x20:
			dst = append(dst, `\u00`...)
			if c < 16 {
				dst = append(dst, '0')
			}
			dst = append(dst, bytes.ToUpper(strconv.AppendUint(nil, uint64(c), 16))...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
