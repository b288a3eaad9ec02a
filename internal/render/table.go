package render

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/wadi-engine/wadi/stream"
)

// nullCell stands for NULL in tables, so that it is not taken for the text NULL.
const nullCell = "<NULL>"

// tableFormat draws Flink's tableau:
//
//	+----+-------------+-----------+
//	| op |          id |      name |      op: only in the changelog
//	+----+-------------+-----------+
//	| +I |           1 |       Ann |      everything is aligned to the right
//	+----+-------------+-----------+
//	Received a total of 1 row
//
// A changelog knows its widths from the types. A table finds them in its first
// rows, which it holds as text until there are sample of them or the end comes;
// a later cell that is wider pushes its own line out, up to the maximal width.
type tableFormat struct {
	opts   Options
	names  []string
	widths []int
	cells  []cell

	held    [][]string // rows held back; nil once the widths are fixed
	fixed   bool
	scratch []byte
}

// sample is how many rows a table holds back to find its widths.
const sample = 500

func newTable(schema *arrow.Schema, opts Options) rowFormat {
	t := &tableFormat{opts: opts}
	for _, f := range schema.Fields() {
		t.names = append(t.names, clean(f.Name))
		t.widths = append(t.widths, min(text.StringWidth(clean(f.Name)), opts.MaxColumnWidth))
		t.cells = append(t.cells, textCell(f, opts.Zone))
	}
	return t
}

func newChangelog(schema *arrow.Schema, opts Options) rowFormat {
	t := &tableFormat{opts: opts, fixed: true, names: []string{"op"}, widths: []int{2}}
	for _, f := range schema.Fields() {
		name := clean(f.Name)
		t.names = append(t.names, name)
		width := typeWidth(f, opts.MaxColumnWidth)
		if f.Nullable && !opts.NullAsEmpty {
			width = max(width, len(nullCell))
		}
		t.widths = append(t.widths, max(width, text.StringWidth(name)))
		t.cells = append(t.cells, textCell(f, opts.Zone))
	}
	return t
}

// typeWidth is the width of the widest value of a type: the sign, the digits,
// the point. Types without a limit take limit.
func typeWidth(f arrow.Field, limit int) int {
	fraction := func(base, precision int) int {
		if precision == 0 {
			return base
		}
		return base + 1 + precision
	}
	switch t := f.Type.(type) {
	case *arrow.Int8Type:
		return 4
	case *arrow.Int16Type:
		return 6
	case *arrow.Int32Type:
		return 11
	case *arrow.Int64Type:
		return 20
	case *arrow.Decimal128Type:
		return int(t.Precision) + 3
	case *arrow.BooleanType:
		return 5
	case *arrow.Date32Type:
		return 10
	case *arrow.Time32Type:
		if _, ok := f.Metadata.GetValue(typeKey); !ok {
			return 8
		}
		return fraction(8, precisionOf(f, t.Unit))
	case *arrow.TimestampType:
		return fraction(19, precisionOf(f, t.Unit))
	}
	return limit
}

func (t *tableFormat) begin(dst []byte) []byte {
	if t.fixed {
		return t.head(dst)
	}
	return dst
}

func (t *tableFormat) row(dst []byte, kind stream.RowKind, rec arrow.RecordBatch, i int) []byte {
	row := make([]string, 0, len(t.names))
	if len(t.names) > len(t.cells) {
		row = append(row, kind.String())
	}
	for k, write := range t.cells {
		row = append(row, t.cell(write, rec.Column(k), i))
	}
	if t.fixed {
		return t.line(dst, row)
	}
	for k, s := range row {
		t.widths[k] = max(t.widths[k], min(widest(s), t.opts.MaxColumnWidth))
	}
	if t.held = append(t.held, row); len(t.held) < sample {
		return dst
	}
	return t.release(dst)
}

func (t *tableFormat) cell(write cell, a arrow.Array, i int) string {
	if a.IsNull(i) {
		if t.opts.NullAsEmpty {
			return ""
		}
		return nullCell
	}
	t.scratch = write(t.scratch[:0], a, i)
	return clean(string(t.scratch))
}

// release writes the head and the rows held back.
func (t *tableFormat) release(dst []byte) []byte {
	t.fixed = true
	dst = t.head(dst)
	for _, row := range t.held {
		dst = t.line(dst, row)
	}
	t.held = nil
	return dst
}

func (t *tableFormat) end(dst []byte, rows int64) []byte {
	plural := "s"
	if rows < 2 {
		plural = ""
	}
	if len(t.names) > len(t.cells) {
		dst = t.rule(dst)
		dst = strconv.AppendInt(append(dst, "Received a total of "...), rows, 10)
		return append(append(dst, " row"...), plural+"\n"...)
	}
	if rows == 0 {
		return append(dst, "Empty set\n"...)
	}
	if !t.fixed {
		dst = t.release(dst)
	}
	dst = t.rule(dst)
	dst = strconv.AppendInt(dst, rows, 10)
	return append(append(dst, " row"...), plural+" in set\n"...)
}

func (t *tableFormat) head(dst []byte) []byte {
	return t.rule(t.line(t.rule(dst), t.names))
}

func (t *tableFormat) rule(dst []byte) []byte {
	for _, w := range t.widths {
		dst = append(dst, '+')
		for range w + 2 {
			dst = append(dst, '-')
		}
	}
	return append(dst, '+', '\n')
}

func (t *tableFormat) line(dst []byte, row []string) []byte {
	for k, s := range row {
		dst = append(dst, "| "...)
		// A column is as wide as its type says or the limit, whichever is more.
		s = cut(s, max(t.widths[k], t.opts.MaxColumnWidth))
		for range t.widths[k] - widest(s) {
			dst = append(dst, ' ')
		}
		dst = append(append(dst, s...), ' ')
	}
	return append(dst, '|', '\n')
}

// widest is the width of the widest line of s on a terminal.
func widest(s string) int {
	if !strings.Contains(s, "\n") {
		return text.StringWidth(s)
	}
	w := 0
	for line := range strings.SplitSeq(s, "\n") {
		w = max(w, text.StringWidth(line))
	}
	return w
}

// cut shortens s to width columns of a terminal, the last three of them dots.
func cut(s string, width int) string {
	if widest(s) <= width {
		return s
	}
	room := max(0, width-3)
	for i, r := range s {
		if room -= text.RuneWidth(r); room < 0 {
			return s[:i] + "..."
		}
	}
	return s
}

// clean takes out what would move a terminal's cursor or change its colours, and what is not UTF-8.
func clean(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= ' ' && s[i] < 0x7f || s[i] == '\n'
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < ' ' && r != '\n', r >= 0x7f && r < 0xa0:
			return utf8.RuneError
		}
		return r
	}, s)
}
