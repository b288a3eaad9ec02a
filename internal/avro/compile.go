package avro

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/internal/columns"
	"github.com/wadi-engine/wadi/vector/expr"
)

// op is what a node does with the next value of a message.
type op uint8

const (
	opNull     op = iota // nothing is on the wire; NULL
	opWord               // a number
	opNarrow             // a number that must fit bits
	opScaled             // a number, times mul and by div
	opReal               // a number as a DOUBLE
	opReal32             // a number as a FLOAT
	opFloat              // 4 bytes as a FLOAT
	opWiden              // 4 bytes as a DOUBLE
	opDouble             // 8 bytes
	opBoolean            // 1 byte
	opText               // text or bytes
	opDecimal            // bytes: an unscaled number
	opFixed              // size bytes
	opFixedDec           // size bytes: an unscaled number
	opEnum               // the number of a symbol
	opRecord             // fields
	opArray              // blocks of elements
	opMap                // blocks of keys and values
	opNullable           // a branch of two, of which one is null
	opUnion              // a branch
	opEach               // one value for several columns
	opBad                // a value that no column takes
)

// node reads one value.
type node struct {
	op       op
	col      *columns.Column // nil: the value is left out
	bits     int
	mul, div int64
	scale    int32 // of the decimal on the wire
	size     int
	null     int // the branch that is null
	inner    *node
	nodes    []*node // fields, branches, or each
	names    []string
	missing  []*columns.Column // that the record lacks, or that are NULL with it
	symbols  []string
	why      string // of opBad
}

// want is a column and where in a record its value is.
type want struct {
	path []string
	col  *columns.Column
}

// compiler makes nodes.
type compiler struct {
	skips map[*schema]*node
}

func newCompiler() *compiler { return &compiler{skips: map[*schema]*node{}} }

// record reads the fields that are wanted.
func (c *compiler) record(s *schema, wants []want) (*node, error) {
	n := &node{op: opRecord}
	found := make([]bool, len(wants))
	for _, f := range s.fields {
		var within []want
		var each []*node
		for i, w := range wants {
			if w.path[0] != f.name {
				continue
			}
			found[i] = true
			if len(w.path) > 1 {
				within = append(within, want{w.path[1:], w.col})
				continue
			}
			x, err := c.value(f.schema, w.col)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", f.name, err)
			}
			each = append(each, x)
		}
		if within != nil {
			x, err := c.within(f.schema, within)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", f.name, err)
			}
			each = append(each, x)
		}
		switch len(each) {
		case 0:
			n.nodes = append(n.nodes, c.skip(f.schema))
		case 1:
			n.nodes = append(n.nodes, each[0])
		default:
			n.nodes = append(n.nodes, &node{op: opEach, nodes: each})
		}
		n.names = append(n.names, f.name)
	}
	for i, w := range wants {
		if !found[i] {
			n.missing = append(n.missing, w.col)
		}
	}
	return n, nil
}

// within reads fields of a record inside a record.
func (c *compiler) within(s *schema, wants []want) (*node, error) {
	switch s.kind {
	case record:
		return c.record(s, wants)
	case union:
		n := &node{op: opUnion}
		for _, b := range s.branches {
			x := &node{op: opBad, why: fmt.Sprintf("a %s, not a record", b.kind)}
			switch b.kind {
			case record:
				var err error
				if x, err = c.record(b, wants); err != nil {
					return nil, err
				}
			case null:
				x = &node{op: opNull}
				for _, w := range wants {
					x.missing = append(x.missing, w.col)
				}
			default:
			}
			n.nodes = append(n.nodes, x)
		}
		return n, nil
	default:
	}
	return nil, fmt.Errorf("it is a %s, not a record with a field %s", s.kind, wants[0].path[0])
}

// skip leaves a value out.
func (c *compiler) skip(s *schema) *node {
	if n := c.skips[s]; n != nil {
		return n
	}
	n := &node{size: s.size}
	c.skips[s] = n
	switch s.kind {
	case null:
		n.op = opNull
	case boolean:
		n.op = opBoolean
	case integer, long, enum:
		n.op = opWord
	case float:
		n.op = opFloat
	case double:
		n.op = opDouble
	case bytes, chars:
		n.op = opText
	case fixed:
		n.op = opFixed
	case record:
		n.op = opRecord
		for _, f := range s.fields {
			n.nodes, n.names = append(n.nodes, c.skip(f.schema)), append(n.names, f.name)
		}
	case list, mapping:
		n.op, n.inner = opArray, c.skip(s.elements)
		if s.kind == mapping {
			n.op = opMap
		}
	case union:
		n.op = opUnion
		for _, b := range s.branches {
			n.nodes = append(n.nodes, c.skip(b))
		}
	}
	return n
}

// value reads a value into a column.
func (c *compiler) value(s *schema, col *columns.Column) (*node, error) {
	n := &node{col: col, size: s.size, mul: 1, div: 1}
	if s.kind == union {
		return c.union(s, col)
	}
	switch col.Kind {
	case columns.Lists:
		if s.kind == list {
			return c.elements(n, opArray, s.elements, col.Children[0])
		}
	case columns.Maps:
		if s.kind == mapping && col.Children[0].Kind == columns.Texts {
			return c.elements(n, opMap, s.elements, col.Children[1])
		}
		if s.pairs() {
			var err error
			n.op = opArray
			n.inner, err = c.record(s.elements, []want{{[]string{"key"}, col.Children[0]}, {[]string{"value"}, col.Children[1]}})
			return n, err
		}
	case columns.Rows:
		if s.kind == record {
			return c.row(s, col)
		}
	case columns.Integers, columns.Floats, columns.Doubles, columns.Booleans, columns.Dates, columns.Times, columns.Timestamps, columns.Decimals,
		columns.Texts, columns.Blobs:
		if scalar(n, s) {
			return n, nil
		}
	}
	what := s.kind.String()
	if s.logical != "" {
		what += " (" + s.logical + ")"
	}
	return nil, fmt.Errorf("a %s of Avro is no %s", what, expr.TypeName(col.Type))
}

func (c *compiler) elements(n *node, o op, s *schema, col *columns.Column) (*node, error) {
	var err error
	n.op = o
	n.inner, err = c.value(s, col)
	return n, err
}

func (c *compiler) row(s *schema, col *columns.Column) (*node, error) {
	var wants []want
	for i, f := range col.Type.(*arrow.StructType).Fields() {
		wants = append(wants, want{[]string{f.Name}, col.Children[i]})
	}
	n, err := c.record(s, wants)
	if err == nil {
		n.col = col
	}
	return n, err
}

// union reads a branch. One that the column does not take is an error when it comes.
func (c *compiler) union(s *schema, col *columns.Column) (*node, error) {
	if of, at, ok := s.nullable(); ok {
		inner, err := c.value(of, col)
		return &node{op: opNullable, col: col, null: at, inner: inner}, err
	}
	n := &node{op: opUnion}
	taken := false
	var last error
	for _, b := range s.branches {
		x, err := &node{op: opNull, col: col}, error(nil)
		if b.kind != null {
			if x, err = c.value(b, col); err != nil {
				x, last = &node{op: opBad, why: err.Error()}, err
			} else {
				taken = true
			}
		}
		n.nodes = append(n.nodes, x)
	}
	if !taken && last != nil {
		return nil, last
	}
	return n, nil
}

// perSecond is how many of a unit a second has.
func perSecond(u arrow.TimeUnit) int64 { return int64(1e9 / u.Multiplier()) }

// scalar sets how a plain value becomes one of the column, if it does.
func scalar(n *node, s *schema) bool {
	whole := s.kind == integer || s.kind == long
	switch n.col.Kind {
	case columns.Integers:
		n.op, n.bits = opWord, n.col.Type.(arrow.FixedWidthDataType).BitWidth()
		if n.bits < 64 && !(n.bits == 32 && s.kind == integer) {
			n.op = opNarrow
		}
		return whole
	case columns.Floats:
		n.op = opFloat
		if whole {
			n.op = opReal32
		}
		return whole || s.kind == float
	case columns.Doubles:
		n.op = map[kind]op{integer: opReal, long: opReal, float: opWiden, double: opDouble}[s.kind]
		return whole || s.kind == float || s.kind == double
	case columns.Booleans:
		n.op = opBoolean
		return s.kind == boolean
	case columns.Dates:
		n.op, n.bits = opNarrow, 32
		return whole
	case columns.Times:
		n.op = opScaled
		scaled(n, s, map[string]int64{"time-micros": 1e6}, perSecond(n.col.Type.(arrow.TemporalWithUnit).TimeUnit()))
		return whole
	case columns.Timestamps:
		n.op = opScaled
		scaled(n, s, map[string]int64{"timestamp-micros": 1e6, "local-timestamp-micros": 1e6, "timestamp-nanos": 1e9, "local-timestamp-nanos": 1e9},
			perSecond(n.col.Type.(*arrow.TimestampType).Unit))
		return whole
	case columns.Decimals:
		return decimals(n, s)
	case columns.Texts, columns.Blobs:
		return texts(n, s)
	case columns.Lists, columns.Maps, columns.Rows:
	}
	return false
}

// scaled sets how a number in its unit becomes one in that of the column; the unit is a
// thousandth of a second where the schema does not say another.
func scaled(n *node, s *schema, units map[string]int64, want int64) {
	has := int64(1e3)
	if u := units[s.logical]; u != 0 {
		has = u
	}
	if n.mul, n.div = max(1, want/has), max(1, has/want); n.mul == 1 && n.div == 1 {
		n.op = opWord
	}
}

func decimals(n *node, s *schema) bool {
	n.scale = n.col.Type.(*arrow.Decimal128Type).Scale
	if s.logical == "decimal" {
		n.scale = s.scale
	}
	if n.op = opDecimal; s.kind == fixed {
		n.op = opFixedDec
	}
	return s.kind == bytes || s.kind == fixed
}

func texts(n *node, s *schema) bool {
	switch s.kind {
	case bytes, chars:
		n.op = opText
		return s.logical != "decimal"
	case fixed:
		n.op = opFixed
		return s.logical != "decimal"
	case enum:
		n.op, n.symbols = opEnum, s.symbols
		return n.col.Kind == columns.Texts
	default:
		return false
	}
}

// rescaled is an unscaled number with another scale, unless it has no place there.
func rescaled(v decimal128.Num, from int32, t *arrow.Decimal128Type) (decimal128.Num, bool) {
	if from != t.Scale {
		var err error
		if v, err = v.Rescale(from, t.Scale); err != nil {
			return v, false
		}
	}
	return v, v.FitsInPrecision(t.Precision)
}
