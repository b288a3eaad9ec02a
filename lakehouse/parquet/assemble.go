package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// assembler puts the current batch of the leaves together to the arrays of nodes.
type assembler struct {
	alloc   memory.Allocator
	columns map[*leaf]*column
}

// data returns the array of n; the caller owns a reference.
func (a *assembler) data(n *node) (arrow.ArrayData, error) {
	switch n.kind {
	case leafNode:
		d, err := a.columns[n.leaf].data(n.typ)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", n.leaf.path, err)
		}
		return d, nil
	case structNode:
		return a.structData(n)
	default:
		return a.listData(n)
	}
}

func (a *assembler) structData(n *node) (arrow.ArrayData, error) {
	length, valid, nulls := a.presence(n)
	defer release(valid)
	var children []arrow.ArrayData
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for _, f := range n.children {
		c, err := a.data(f)
		if err != nil {
			return nil, err
		}
		children = append(children, c)
		if c.Len() != length {
			return nil, fmt.Errorf("columns below %s disagree on its length: %d and %d", n.name, length, c.Len())
		}
	}
	return array.NewData(n.typ, length, []*memory.Buffer{valid}, children, nulls, 0), nil
}

// any returns a column below n; each tells the same about n.
func (a *assembler) any(n *node) *column {
	for n.kind != leafNode {
		n = n.children[0]
	}
	return a.columns[n.leaf]
}

// presence counts the slots of n and makes their validity bitmap, nil when
// all are valid.
func (a *assembler) presence(n *node) (length int, valid *memory.Buffer, nulls int) {
	c := a.any(n)
	if c.flat { // a required column, or part of one: every entry is there
		return c.length, nil, 0
	}
	rep, slot, def := uint8(n.rep), uint8(n.slot), uint8(n.def)
	for i, d := range c.defLevels {
		if d >= slot && c.repLevels[i] <= rep {
			length++
			if d < def {
				nulls++
			}
		}
	}
	if nulls == 0 {
		return length, nil, 0
	}
	valid = newBitmap(a.alloc, length)
	at := 0
	for i, d := range c.defLevels {
		if d >= slot && c.repLevels[i] <= rep {
			if d >= def {
				bitutil.SetBit(valid.Bytes(), at)
			}
			at++
		}
	}
	return length, valid, nulls
}

// listData makes lists and maps. An entry begins a list when it begins a slot
// of n, and an element when it reaches one level further.
func (a *assembler) listData(n *node) (arrow.ArrayData, error) {
	length, valid, nulls := a.presence(n)
	defer release(valid)
	offsets := memory.NewResizableBuffer(a.alloc)
	defer offsets.Release()
	offsets.Resize(4 * (length + 1))
	off := cast[int32](offsets.Bytes())
	c := a.any(n)
	rep, slot, def := uint8(n.rep), uint8(n.slot), uint8(n.def)
	at, count, filled := 0, int32(0), false
	for i, d := range c.defLevels {
		r := c.repLevels[i]
		switch {
		case r <= rep:
			if d >= slot {
				off[at] = count
				at++
			}
			filled = d > def
		case r == rep+1 && (!filled || d <= def):
			return nil, fmt.Errorf("list %s goes on where it is null or empty", n.name)
		}
		if d > def && r <= rep+1 {
			count++
		}
	}
	off[length] = count
	child, err := a.elements(n, int(count))
	if err != nil {
		return nil, err
	}
	defer child.Release()
	return array.NewData(n.typ, length, []*memory.Buffer{valid, offsets}, []arrow.ArrayData{child}, nulls, 0), nil
}

// elements makes the child of a list or map that holds count elements.
func (a *assembler) elements(n *node, count int) (arrow.ArrayData, error) {
	var parts []arrow.ArrayData
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	for _, child := range n.children {
		d, err := a.data(child)
		if err != nil {
			return nil, err
		}
		parts = append(parts, d)
		if d.Len() != count {
			return nil, fmt.Errorf("columns below %s disagree on its elements: %d and %d", n.name, count, d.Len())
		}
	}
	if n.kind == listNode {
		parts[0].Retain()
		return parts[0], nil
	}
	if parts[0].NullN() > 0 {
		return nil, fmt.Errorf("map %s has a key that is null", n.name)
	}
	entries := n.typ.(*arrow.MapType).Elem()
	return array.NewData(entries, count, []*memory.Buffer{nil}, parts, 0, 0), nil
}

func newBitmap(alloc memory.Allocator, n int) *memory.Buffer {
	b := memory.NewResizableBuffer(alloc)
	b.Resize(int(bitutil.BytesForBits(int64(n))))
	clear(b.Bytes())
	return b
}

func release(b *memory.Buffer) {
	if b != nil {
		b.Release()
	}
}
