package parquet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

const (
	// maxDepth bounds how deep a schema may nest.
	maxDepth = 64
	// FieldIDKey is the field metadata key under which a column's field id
	// stands, as other Arrow implementations write it.
	FieldIDKey = "PARQUET:field_id"
	// UUIDKey is the field metadata key that makes a column of 16 bytes one of
	// UUIDs in a file that is written.
	UUIDKey = "PARQUET:uuid"
	// TypeKey is the field metadata key for Flink's type where Arrow's says less.
	TypeKey = "wadi.type"
)

type nodeKind uint8

const (
	leafNode nodeKind = iota
	structNode
	listNode
	mapNode
)

// node is a column, or a part of one, as Arrow sees it. Three levels say how
// the entries (r, d) of any leaf below it become its slots. With `optional
// group a { repeated group list { optional int32 element } }`:
//
//	          rep slot def      entry (0,0)  (0,1)  (0,2)  (0,3)  (1,3)
//	a          0   0    1       null         []     [·     [·      ·]
//	element    1   2    3       –            –      null   value  value
//
// An entry begins a slot of the node when r <= rep and d >= slot; the slot is
// not null when d >= def.
type node struct {
	kind           nodeKind
	name           string
	typ            arrow.DataType
	nullable       bool
	rep, slot, def int
	children       []*node // struct: fields; list: element; map: key, value
	leaf           *leaf   // of a leafNode
	fieldID        int32
	err            error // why it cannot be read, or nil
}

// leaf is a column of the file: a sequence of entries with levels and values.
type leaf struct {
	index          int
	path           string // with dots, as in the file, for errors
	phys           physical
	width          int // bytes of a value in memory: 16 for BYTE_ARRAY, which becomes views
	maxRep, maxDef int
	slot           int // definition level at which it has a slot
	conv           conversion
	decimals       int32 // scale of a decimal
	unsigned       bool
}

// element is a node of the schema as the file has it.
type element struct {
	*schemaElement
	children []*element
	leaf     int // index of the first leaf at or below it
}

// parseSchema turns the footer's depth-first list into a tree.
func parseSchema(list []schemaElement) (*element, int, error) {
	at, leaves := 0, 0
	var walk func(depth int) (*element, error)
	walk = func(depth int) (*element, error) {
		if depth > maxDepth {
			return nil, fmt.Errorf("schema nests deeper than %d", maxDepth)
		}
		if at >= len(list) {
			return nil, fmt.Errorf("schema ends too early")
		}
		e := &element{schemaElement: &list[at], leaf: leaves}
		at++
		if e.rep < required || e.rep > repeated {
			return nil, fmt.Errorf("schema: %s has repetition %d", e.name, e.rep)
		}
		if e.phys != group {
			leaves++
			return e, nil
		}
		if e.schemaElement.children < 0 || int(e.schemaElement.children) > len(list)-at {
			return nil, fmt.Errorf("schema: %s claims %d children", e.name, e.schemaElement.children)
		}
		for range e.schemaElement.children {
			c, err := walk(depth + 1)
			if err != nil {
				return nil, err
			}
			e.children = append(e.children, c)
		}
		return e, nil
	}
	root, err := walk(0)
	if err != nil {
		return nil, 0, err
	}
	if at != len(list) {
		return nil, 0, fmt.Errorf("schema has %d elements behind its end", len(list)-at)
	}
	if root.phys != group {
		return nil, 0, fmt.Errorf("schema's root is not a group")
	}
	return root, leaves, nil
}

// place is what an element inherits from those above it.
type place struct {
	rep, slot, def int
	path           []string
}

func (c place) below(name string) place {
	c.path = append(slices.Clip(c.path), name)
	return c
}

// columns builds the nodes of the file's top-level columns.
func columns(root *element) []*node {
	out := make([]*node, len(root.children))
	for i, e := range root.children {
		out[i] = build(e, place{})
	}
	return out
}

// build makes the node of e. A repeated element without a LIST around it is a
// list of required elements.
func build(e *element, c place) *node {
	c = c.below(e.name)
	if e.rep != repeated {
		return buildOne(e, c, e.rep == optional)
	}
	inner := c
	inner.rep, inner.slot, inner.def = c.rep+1, c.def+1, c.def+1
	elem := buildOne(e, inner, false)
	return listOf(e.name, elem, c, false, e.fieldID)
}

// buildOne makes the node of e without regard to e being repeated.
func buildOne(e *element, c place, nullable bool) *node {
	if nullable {
		c.def++
	}
	if e.phys != group {
		return buildLeaf(e, c, nullable)
	}
	isMap := e.logical.kind == logMap || e.conv == convMap || e.conv == convMapKeyValue
	isList := e.logical.kind == logList || e.conv == convList
	if (isMap || isList) && len(e.children) == 1 && e.children[0].rep == repeated {
		entries := e.children[0]
		if isMap && entries.phys == group && len(entries.children) == 2 {
			return buildMap(e, entries, c, nullable)
		}
		return buildList(e, entries, c, nullable)
	}
	n := &node{
		kind: structNode, name: e.name, nullable: nullable,
		rep: c.rep, slot: c.slot, def: c.def, fieldID: e.fieldID,
	}
	for _, child := range e.children {
		f := build(child, c)
		n.children = append(n.children, f)
		n.err = firstError(n.err, f.err)
	}
	if len(n.children) == 0 {
		n.err = fmt.Errorf("column %s is a group without fields", strings.Join(c.path, "."))
	}
	fields := make([]arrow.Field, len(n.children))
	for i, f := range n.children {
		fields[i] = f.field()
	}
	n.typ = arrow.StructOf(fields...)
	return n
}

// buildList follows the rules for lists of the format, old shapes included:
// the repeated child is the element itself when it is no group, has several
// fields, repeats inside, or carries one of the two names that old writers
// gave it; else its only field is.
func buildList(e, entries *element, c place, nullable bool) *node {
	inner := c.below(entries.name)
	inner.rep, inner.slot, inner.def = c.rep+1, c.def+1, c.def+1
	itself := entries.phys != group || len(entries.children) != 1 ||
		entries.children[0].rep == repeated || entries.name == "array" || entries.name == e.name+"_tuple"
	var elem *node
	if itself {
		elem = buildOne(entries, inner, false)
	} else {
		elem = build(entries.children[0], inner)
	}
	return listOf(e.name, elem, c, nullable, e.fieldID)
}

func listOf(name string, elem *node, c place, nullable bool, fieldID int32) *node {
	f := elem.field()
	f.Name = "element"
	return &node{
		kind: listNode, name: name, typ: arrow.ListOfField(f), nullable: nullable,
		rep: c.rep, slot: c.slot, def: c.def, children: []*node{elem}, fieldID: fieldID, err: elem.err,
	}
}

// buildMap reads keys that the schema calls optional too; a key that is null
// is an error when it comes.
func buildMap(e, entries *element, c place, nullable bool) *node {
	inner := c.below(entries.name)
	inner.rep, inner.slot, inner.def = c.rep+1, c.def+1, c.def+1
	key, value := build(entries.children[0], inner), build(entries.children[1], inner)
	v := value.field()
	v.Name = "value"
	k := key.field()
	typ := arrow.MapOfFields(
		arrow.Field{Name: "key", Type: k.Type, Metadata: k.Metadata}, v)
	return &node{
		kind: mapNode, name: e.name, typ: typ, nullable: nullable,
		rep: c.rep, slot: c.slot, def: c.def, children: []*node{key, value}, fieldID: e.fieldID,
		err: firstError(key.err, value.err),
	}
}

func buildLeaf(e *element, c place, nullable bool) *node {
	l := &leaf{
		index: e.leaf, path: strings.Join(c.path, "."), phys: e.phys,
		maxRep: c.rep, maxDef: c.def, slot: c.slot,
	}
	n := &node{
		kind: leafNode, name: e.name, nullable: nullable,
		rep: c.rep, slot: c.slot, def: c.def, leaf: l, fieldID: e.fieldID,
	}
	switch e.phys {
	case physBool:
		l.width = 1
	case physInt32, physFloat:
		l.width = 4
	case physInt64, physDouble:
		l.width = 8
	case physInt96:
		l.width = 12
	case physByteArray:
		l.width = 16
	case physFixedLenArray:
		l.width = int(e.typeLength)
	default: // leafType says what is wrong
	}
	n.typ, l.conv, n.err = leafType(e.schemaElement)
	if n.err != nil {
		n.err = fmt.Errorf("column %s: %w", l.path, n.err)
	}
	if d, ok := n.typ.(arrow.DecimalType); ok {
		l.decimals = d.GetScale()
	}
	l.unsigned = l.conv >= fromUint8 && l.conv <= fromUint64
	return n
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// field is the node as a field of an Arrow schema.
func (n *node) field() arrow.Field {
	var keys, values []string
	if n.fieldID >= 0 {
		keys, values = append(keys, FieldIDKey), append(values, strconv.Itoa(int(n.fieldID)))
	}
	if n.kind == leafNode && n.leaf.conv == fixedToView {
		keys, values = append(keys, TypeKey), append(values, fmt.Sprintf("BINARY(%d)", n.leaf.width))
	}
	return arrow.Field{Name: n.name, Type: n.typ, Nullable: n.nullable, Metadata: arrow.NewMetadata(keys, values)}
}

// find follows a path of field names through structs. The column that comes
// out is null where any struct above it is.
func (f *File) find(path []string) (*node, error) {
	if len(path) == 0 {
		return nil, fmt.Errorf("%w: empty column path", job.ErrInvalid)
	}
	at := f.schema.FieldIndices(path[0])
	if len(at) == 0 {
		return nil, fmt.Errorf("%w: no column %q", job.ErrInvalid, path[0])
	}
	n := f.cols[at[0]]
	for i, name := range path[1:] {
		next := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
		if n.kind != structNode || next < 0 {
			return nil, fmt.Errorf("%w: column %q is %v and has no field %q",
				job.ErrInvalid, strings.Join(path[:i+1], "."), n.typ, name)
		}
		n = n.children[next]
	}
	return n, nil
}

// leaves appends the leaves at and below n.
func (n *node) leaves(dst []*leaf) []*leaf {
	if n.kind == leafNode {
		return append(dst, n.leaf)
	}
	for _, c := range n.children {
		dst = c.leaves(dst)
	}
	return dst
}
