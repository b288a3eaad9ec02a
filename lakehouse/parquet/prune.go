package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/expr"
)

// prune returns the rows of a row group of which the filter may be true, by
// the statistics of the chunks and, where those do not rule the group out, of
// their pages. What it does not understand may be true of every row.
func (r *Reader) prune(g *rowGroup) []rowRange {
	all := []rowRange{{0, g.rows}}
	p := &pruner{r: r, g: g}
	if len(p.rows(r.o.Filter)) == 0 {
		return nil
	}
	p.pages = true
	rows := p.rows(r.o.Filter)
	if len(rows) > maxRanges {
		return all
	}
	return rows
}

// maxRanges bounds how finely a row group is cut; reading many short ranges
// costs more than it spares.
const maxRanges = 256

// pruner maps parts of a filter to the rows of which they may be true:
// AND intersects, OR unites, a comparison looks at bounds.
type pruner struct {
	r     *Reader
	g     *rowGroup
	pages bool
	index map[*leaf]*pageBounds // nil: the file has none
	// blooms are the Bloom filters that were read; nil: none that can be used.
	blooms map[*leaf]bloom
}

type pageBounds struct {
	columnIndex
	pages []pageLocation
}

func (p *pruner) all() []rowRange { return []rowRange{{0, p.g.rows}} }

// rows returns the ranges of rows of which e may be true.
func (p *pruner) rows(e expr.Expr) []rowRange {
	switch e := e.(type) {
	case *expr.Literal:
		if e.Value == nil || e.Value == false {
			return nil
		}
	case *expr.Call:
		switch e.Func {
		case "and":
			out := p.all()
			for _, a := range e.Args {
				out = intersect(out, p.rows(a))
			}
			return out
		case "or":
			var out []rowRange
			for _, a := range e.Args {
				out = unite(out, p.rows(a))
			}
			return out
		}
		if t, c := p.test(e); t != nil {
			return p.apply(c, t)
		}
	}
	return p.all()
}

// bounds are what is known of a set of values.
type bounds struct {
	min, max *value // nil: not known
	nulls    int64  // -1: not known
	count    int64  // rows, nulls included
	// has asks a Bloom filter whether a value may be there; nil: there is none.
	has func(*value) bool
}

// test reports whether a condition may be true of a row within bounds.
type test func(bounds) bool

// test finds the condition that e puts on one column, or nil.
func (p *pruner) test(e *expr.Call) (test, *node) {
	if len(e.Args) == 0 {
		return nil, nil
	}
	switch e.Func {
	case "is_null":
		if c := p.column(e.Args[0]); c != nil {
			return func(b bounds) bool { return b.nulls != 0 }, c
		}
	case "is_not_null":
		if c := p.column(e.Args[0]); c != nil {
			return func(b bounds) bool { return b.nulls < 0 || b.nulls < b.count }, c
		}
	case "in":
		c := p.column(e.Args[0])
		if c == nil {
			return nil, nil
		}
		var each []test
		for _, a := range e.Args[1:] {
			t := p.compare("eq", c, a)
			if t == nil {
				return nil, nil
			}
			each = append(each, t)
		}
		return func(b bounds) bool { return slices.ContainsFunc(each, func(t test) bool { return t(b) }) }, c
	case "eq", "ne", "lt", "le", "gt", "ge":
		if len(e.Args) != 2 {
			return nil, nil
		}
		if c := p.column(e.Args[0]); c != nil {
			return p.compare(e.Func, c, e.Args[1]), c
		}
		if c := p.column(e.Args[1]); c != nil {
			return p.compare(mirrored[e.Func], c, e.Args[0]), c
		}
	}
	return nil, nil
}

var mirrored = map[string]string{"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}

// column returns the node that e is, when it is a leaf outside lists of the
// type that the expression takes it for.
func (p *pruner) column(e expr.Expr) *node {
	c, ok := e.(*expr.Column)
	if !ok || c.Index < 0 || c.Index >= len(p.r.nodes) {
		return nil
	}
	n := p.r.nodes[c.Index]
	if n.kind != leafNode || n.leaf.maxRep > 0 || !sameOrder(n.typ, c.Of) {
		return nil
	}
	return n
}

// sameOrder reports whether values of both types compare by their numbers or bytes.
func sameOrder(a, b arrow.DataType) bool {
	return arrow.TypeEqual(a, b) || intWidth[a.ID()] > 0 && intWidth[b.ID()] > 0
}

// compare makes the test of `c op lit`. A comparison with NULL is never true.
// NaN is outside all bounds and, in some orders, above them: only from below
// can a range of floats be ruled out.
func (p *pruner) compare(op string, c *node, e expr.Expr) test {
	lit, ok := e.(*expr.Literal)
	if !ok || !sameOrder(c.typ, lit.Of) {
		return nil
	}
	if lit.Value == nil {
		return func(bounds) bool { return false }
	}
	v, ok := literal(lit)
	if !ok {
		return nil
	}
	float := v.kind == floatValue
	known := func(b bounds) bool { return b.nulls < 0 || b.nulls < b.count }
	below := func(b bounds) bool { return b.max != nil && b.max.compare(v) < 0 && !float }
	above := func(b bounds) bool { return b.min != nil && b.min.compare(v) > 0 }
	switch op {
	case "eq":
		return func(b bounds) bool {
			return known(b) && !above(b) && (b.max == nil || b.max.compare(v) >= 0) && (b.has == nil || b.has(v))
		}
	case "lt":
		return func(b bounds) bool { return known(b) && (b.min == nil || b.min.compare(v) < 0) }
	case "le":
		return func(b bounds) bool { return known(b) && !above(b) }
	case "gt":
		return func(b bounds) bool { return known(b) && (float || b.max == nil || b.max.compare(v) > 0) }
	case "ge":
		return func(b bounds) bool { return known(b) && !below(b) }
	}
	return known // ne: bounds may be shortened, so equal ones do not mean one value
}

// apply runs a test over the chunk, or over its pages, and returns the rows that remain.
func (p *pruner) apply(c *node, t test) []rowRange {
	m := &p.g.columns[c.leaf.index]
	if !p.pages {
		if t(p.chunkBounds(c.leaf, m)) {
			return p.all()
		}
		return nil
	}
	x := p.pageIndex(c.leaf, m)
	if x == nil {
		return p.all()
	}
	var out []rowRange
	for i := range x.pages {
		r := rowRange{x.pages[i].firstRow, p.g.rows}
		if i+1 < len(x.pages) {
			r.to = x.pages[i+1].firstRow
		}
		if r.from < r.to && t(x.bounds(i, c.leaf, r.to-r.from)) {
			out = unite(out, []rowRange{r})
		}
	}
	return out
}

func (p *pruner) chunkBounds(l *leaf, m *columnChunk) bounds {
	b := bounds{nulls: m.stats.nulls, count: p.g.rows, has: p.lookup(l, m)}
	if m.encrypted || b.nulls > b.count {
		return bounds{nulls: -1, count: p.g.rows} // and what is encrypted cannot be asked
	}
	lo, hi := m.stats.min, m.stats.max
	if lo == nil && hi == nil && signedOrder(l) {
		lo, hi = m.stats.oldMin, m.stats.oldMax
	}
	if o := p.r.f.meta.ordered; l.phys >= physByteArray && (l.index >= len(o) || !o[l.index]) {
		return b
	}
	b.min, b.max = statistic(l, lo), statistic(l, hi)
	return b
}

// signedOrder reports whether the deprecated bounds can be trusted: they were
// compared as signed numbers, or bytes, whatever the type.
func signedOrder(l *leaf) bool { return l.phys <= physDouble && !l.unsigned }

// pageIndex reads the bounds of the pages of a chunk, once.
func (p *pruner) pageIndex(l *leaf, m *columnChunk) *pageBounds {
	if x, ok := p.index[l]; ok {
		return x
	}
	if p.index == nil {
		p.index = map[*leaf]*pageBounds{}
	}
	p.index[l] = nil
	if o := p.r.f.meta.ordered; l.phys >= physByteArray && (l.index >= len(o) || !o[l.index]) {
		return nil
	}
	pages := p.r.f.offsetIndex(m)
	b, ok := p.r.f.section(m.columnIndexOffset, int64(m.columnIndexLength))
	if pages == nil || !ok {
		return nil
	}
	x, err := readColumnIndex(b)
	n := len(pages)
	if err != nil || len(x.nullPages) != n || len(x.min) != n || len(x.max) != n || x.nulls != nil && len(x.nulls) != n {
		return nil
	}
	p.index[l] = &pageBounds{columnIndex: x, pages: pages}
	return p.index[l]
}

func (x *pageBounds) bounds(i int, l *leaf, rows int64) bounds {
	b := bounds{nulls: -1, count: rows}
	if x.nulls != nil && x.nulls[i] <= rows {
		b.nulls = x.nulls[i]
	}
	if x.nullPages[i] {
		b.nulls = rows
		return b
	}
	b.min, b.max = statistic(l, x.min[i]), statistic(l, x.max[i])
	return b
}

type valueKind uint8

const (
	intValue valueKind = iota
	floatValue
	bytesValue
	decimalValue
)

// value is a bound or a literal.
type value struct {
	kind    valueKind
	i       int64
	f       float64
	b       []byte
	decimal decimal128.Num
}

// compare orders values of one kind.
func (v *value) compare(o *value) int {
	switch v.kind {
	case intValue:
		return cmpOrdered(v.i, o.i)
	case floatValue:
		return cmpOrdered(v.f, o.f)
	case bytesValue:
		return bytes.Compare(v.b, o.b)
	default:
		return v.decimal.Cmp(o.decimal)
	}
}

func cmpOrdered[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func literal(l *expr.Literal) (*value, bool) {
	switch v := l.Value.(type) {
	case bool:
		return &value{i: int64(b2i(v))}, true
	case int64:
		return &value{i: v}, true
	case float64:
		return &value{kind: floatValue, f: v}, v == v
	case string:
		return &value{kind: bytesValue, b: []byte(v)}, true
	case []byte:
		return &value{kind: bytesValue, b: v}, true
	case decimal128.Num:
		return &value{kind: decimalValue, decimal: v}, true
	}
	return nil, false
}

// statistic reads a bound as the file writes it: PLAIN, without a length. Nil
// is a bound that is missing or says nothing.
func statistic(l *leaf, b []byte) *value {
	if b == nil {
		return nil
	}
	switch l.conv {
	case int32ToDecimal, int64ToDecimal, fixedToDecimal, bytesToDecimal:
		return decimalStatistic(l, b)
	case uuidToView, fromUint64, int96ToMicros, halfToFloat, microsToTime, nanosToTime:
		return nil
	case fixedToView:
		return &value{kind: bytesValue, b: b}
	default:
	}
	switch {
	case l.phys == physBool && len(b) == 1:
		return &value{i: int64(b[0])}
	case l.phys == physInt32 && len(b) == 4:
		x := int64(int32(binary.LittleEndian.Uint32(b)))
		if l.conv == fromUint32 || l.conv == fromUint16 || l.conv == fromUint8 {
			x = int64(uint32(x))
		}
		return &value{i: x}
	case l.phys == physInt64 && len(b) == 8:
		return &value{i: int64(binary.LittleEndian.Uint64(b))}
	case l.phys == physFloat && len(b) == 4:
		return floatStatistic(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
	case l.phys == physDouble && len(b) == 8:
		return floatStatistic(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case l.phys == physByteArray:
		return &value{kind: bytesValue, b: b}
	}
	return nil
}

func floatStatistic(f float64) *value {
	if f != f {
		return nil
	}
	return &value{kind: floatValue, f: f}
}

func decimalStatistic(l *leaf, b []byte) *value {
	var x int64
	switch {
	case l.phys == physInt32 && len(b) == 4:
		x = int64(int32(binary.LittleEndian.Uint32(b)))
	case l.phys == physInt64 && len(b) == 8:
		x = int64(binary.LittleEndian.Uint64(b))
	case l.phys >= physByteArray:
		lo, hi, ok := bigEndian(b)
		if !ok {
			return nil
		}
		return &value{kind: decimalValue, decimal: decimal128.New(int64(hi), lo)}
	default:
		return nil
	}
	return &value{kind: decimalValue, decimal: decimal128.FromBigInt(big.NewInt(x))}
}

// intersect returns the rows in both lists of ascending, disjoint ranges.
func intersect(a, b []rowRange) []rowRange {
	var out []rowRange
	for len(a) > 0 && len(b) > 0 {
		if r := (rowRange{max(a[0].from, b[0].from), min(a[0].to, b[0].to)}); r.from < r.to {
			out = append(out, r)
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// unite returns the rows in either list, joining ranges that touch.
func unite(a, b []rowRange) []rowRange {
	var out []rowRange
	for len(a) > 0 || len(b) > 0 {
		var next rowRange
		if len(b) == 0 || len(a) > 0 && a[0].from <= b[0].from {
			next, a = a[0], a[1:]
		} else {
			next, b = b[0], b[1:]
		}
		if n := len(out); n > 0 && next.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, next.to)
		} else {
			out = append(out, next)
		}
	}
	return out
}
