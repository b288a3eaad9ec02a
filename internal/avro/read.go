package avro

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/wadi-engine/wadi/vector/expr"
)

// record reads the fields of a record.
func (d *Decoder) record(n *node) error {
	if d.depth++; d.depth > 100*maxDepth {
		return errDeep
	}
	for i, f := range n.nodes {
		if err := d.read(f); err != nil {
			return fmt.Errorf("field %s: %w", n.names[i], err)
		}
	}
	for _, c := range n.missing {
		c.Null()
	}
	if n.col != nil {
		n.col.Row()
	}
	d.depth--
	return nil
}

// read takes the next value.
func (d *Decoder) read(n *node) error {
	switch n.op {
	case opNull:
		d.null(n)
		return nil
	case opWord, opNarrow, opScaled, opReal, opReal32, opEnum:
		v, err := d.long()
		if err != nil || n.col == nil {
			return err
		}
		if n.op == opWord {
			n.col.Word(uint64(v))
			return nil
		}
		return number(n, v)
	case opText:
		b, err := d.bytes()
		if err != nil || n.col == nil {
			return err
		}
		return n.col.Put(b)
	case opNullable:
		branch, err := d.varint()
		switch {
		case err != nil:
			return err
		case branch == uint64(2*n.null):
			n.col.Null()
			return nil
		case branch > 2 || branch == 1:
			return fmt.Errorf("branch %d of a union of 2", branch/2)
		}
		return d.read(n.inner)
	case opFloat, opWiden, opDouble, opBoolean:
		return d.real(n)
	case opDecimal, opFixed, opFixedDec:
		return d.sized(n)
	case opRecord:
		return d.record(n)
	case opArray, opMap:
		return d.blocks(n)
	case opUnion:
		return d.branch(n)
	case opEach:
		from := d.i
		for _, x := range n.nodes {
			d.i = from
			if err := d.read(x); err != nil {
				return err
			}
		}
		return nil
	case opBad:
		return fmt.Errorf("%s", n.why)
	}
	return nil
}

func (d *Decoder) null(n *node) {
	if n.col != nil {
		n.col.Null()
	}
	for _, c := range n.missing {
		c.Null()
	}
}

// number appends a number that is not as the column has it.
func number(n *node, v int64) error {
	switch n.op {
	case opNarrow:
		if v>>(n.bits-1) != 0 && v>>(n.bits-1) != -1 {
			return fmt.Errorf("%d is no %s", v, expr.TypeName(n.col.Type))
		}
		n.col.Word(uint64(v))
	case opScaled:
		if v > math.MaxInt64/n.mul || v < math.MinInt64/n.mul {
			return fmt.Errorf("%d is no %s", v, expr.TypeName(n.col.Type))
		}
		w := v * n.mul / n.div
		if v*n.mul%n.div < 0 {
			w--
		}
		n.col.Word(uint64(w))
	case opReal:
		n.col.Word(math.Float64bits(float64(v)))
	case opReal32:
		n.col.Word(uint64(math.Float32bits(float32(v))))
	case opEnum:
		if v < 0 || v >= int64(len(n.symbols)) {
			return fmt.Errorf("symbol %d of an enum of %d", v, len(n.symbols))
		}
		return n.col.Put([]byte(n.symbols[v]))
	default:
		panic("avro: not a number")
	}
	return nil
}

// real reads a float, a double or a boolean.
func (d *Decoder) real(n *node) error {
	size := 4
	switch n.op {
	case opDouble:
		size = 8
	case opBoolean:
		size = 1
	default:
	}
	b, err := d.take(size)
	if err != nil || n.col == nil {
		return err
	}
	switch n.op {
	case opDouble:
		n.col.Word(binary.LittleEndian.Uint64(b))
	case opFloat:
		n.col.Word(uint64(binary.LittleEndian.Uint32(b)))
	case opWiden:
		n.col.Word(math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))))
	default:
		if b[0] > 1 {
			return fmt.Errorf("%d is no boolean", b[0])
		}
		n.col.Word(uint64(b[0]))
	}
	return nil
}

// sized reads bytes of a fixed size, and decimals.
func (d *Decoder) sized(n *node) (err error) {
	var b []byte
	if n.op == opDecimal {
		b, err = d.bytes()
	} else {
		b, err = d.take(n.size)
	}
	switch {
	case err != nil || n.col == nil:
		return err
	case n.op == opFixed:
		return n.col.Put(b)
	}
	v, ok := unscaled(b)
	if ok {
		v, ok = rescaled(v, n.scale, n.col.Type.(*arrow.Decimal128Type))
	}
	if !ok {
		return fmt.Errorf("a number of %d bytes is no %s", len(b), expr.TypeName(n.col.Type))
	}
	n.col.Decimal(v)
	return nil
}

// unscaled is a number of big-endian bytes in two's complement.
func unscaled(b []byte) (decimal128.Num, bool) {
	const size = 16
	var full [size]byte
	if len(b) > 0 && b[0] >= 0x80 {
		for i := range full {
			full[i] = 0xff
		}
	}
	for len(b) > size {
		if b[0] != full[0] || b[1]>>7 != full[0]>>7 {
			return decimal128.Num{}, false
		}
		b = b[1:]
	}
	copy(full[size-len(b):], b)
	return decimal128.New(int64(binary.BigEndian.Uint64(full[:8])), binary.BigEndian.Uint64(full[8:])), true
}

// blocks reads an array or a map.
func (d *Decoder) blocks(n *node) error {
	for {
		count, err := d.long()
		if err != nil {
			return err
		}
		if count == 0 {
			break
		}
		if count < 0 { // the size of the block follows
			size, err := d.long()
			if err != nil {
				return err
			}
			if n.col == nil {
				if size < 0 || size > int64(len(d.b)-d.i) {
					return errShort
				}
				d.i += int(size)
				continue
			}
			count = -count
		}
		if count < 0 || count > int64(len(d.b)-d.i)+maxEmpty { // elements of nothing are no way to fill memory
			return errShort
		}
		for range count {
			if err := d.element(n); err != nil {
				return err
			}
		}
	}
	if n.col == nil {
		return nil
	}
	return n.col.End()
}

// maxEmpty is how many elements may take no bytes.
const maxEmpty = 1 << 16

func (d *Decoder) element(n *node) error {
	if n.op == opMap {
		key, err := d.bytes()
		if err != nil {
			return err
		}
		if n.col != nil {
			if err := n.col.Children[0].Put(key); err != nil {
				return err
			}
		}
	}
	return d.read(n.inner)
}

// branch reads a union.
func (d *Decoder) branch(n *node) error {
	at, err := d.long()
	if err != nil {
		return err
	}
	if at < 0 || at >= int64(len(n.nodes)) {
		return fmt.Errorf("branch %d of a union of %d", at, len(n.nodes))
	}
	return d.read(n.nodes[at])
}
