package avro

import (
	"errors"
	"fmt"

	"github.com/wadi-engine/wadi/stream"
)

// Changes reads messages of Debezium: a record with the row before a change, the row
// after it, and what the change is.
type Changes struct {
	fields []*node // which leave the values out
	names  []string
	// before, after and op are places of fields, which may be null.
	before, after, op int
	row               [2]*node
	// outer and opNull are the branches of null where the whole, or op, may be null,
	// as in what Flink writes; otherwise -1.
	outer, opNull int
}

// CompileChanges makes a program for the changes of messages of a schema.
func (d *Decoder) CompileChanges(text string, others ...string) (*Changes, error) {
	s, err := parseSchema(text, others...)
	if err != nil {
		return nil, err
	}
	p := &Changes{outer: -1, opNull: -1}
	if of, null, ok := s.nullable(); ok {
		s, p.outer = of, null
	}
	p.before, p.after, p.op = s.find("before"), s.find("after"), s.find("op")
	if s.kind != record || p.before < 0 || p.after < 0 || p.op < 0 {
		return nil, errors.New("the schema is not of changes: a record with before, after and op")
	}
	op := s.fields[p.op].schema
	if of, null, ok := op.nullable(); ok {
		op, p.opNull = of, null
	}
	if op.kind != chars {
		return nil, errors.New("the schema is not of changes: a record with before, after and op")
	}
	c := newCompiler()
	for i, at := range []int{p.before, p.after} {
		of, _, ok := s.fields[at].schema.nullable()
		if !ok || of.kind != record {
			return nil, fmt.Errorf("field %s is no record or null", s.fields[at].name)
		}
		if p.row[i], err = c.within(s.fields[at].schema, d.wants()); err != nil {
			return nil, fmt.Errorf("field %s: %w", s.fields[at].name, err)
		}
	}
	for _, f := range s.fields {
		p.fields, p.names = append(p.fields, c.skip(f.schema)), append(p.names, f.name)
	}
	return p, nil
}

// AppendChanges adds the rows of a message, and to kinds how each changes the table.
func (d *Decoder) AppendChanges(p *Changes, message []byte, kinds []stream.RowKind) ([]stream.RowKind, error) {
	d.b, d.i, d.depth = message, 0, 0
	if err := d.present(p.outer); err != nil {
		return kinds, err
	}
	starts := make([]int, len(p.fields))
	for i, f := range p.fields {
		starts[i] = d.i
		if err := d.read(f); err != nil {
			return kinds, fmt.Errorf("field %s: %w", p.names[i], err)
		}
	}
	d.i = starts[p.op]
	if err := d.present(p.opNull); err != nil {
		return kinds, fmt.Errorf("field op: %w", err)
	}
	op, err := d.bytes()
	if err != nil {
		return kinds, err
	}
	var changes []stream.RowKind
	switch string(op) {
	case "c", "r":
		changes = []stream.RowKind{stream.Insert}
	case "u":
		changes = []stream.RowKind{stream.UpdateBefore, stream.UpdateAfter}
	case "d":
		changes = []stream.RowKind{stream.Delete}
	default:
		return kinds, fmt.Errorf("unknown change %q", op)
	}
	rows := d.Rows()
	for _, kind := range changes {
		if err := d.side(p, kind, starts); err != nil {
			d.Truncate(rows)
			return kinds, err
		}
	}
	return append(kinds, changes...), nil
}

// present takes the branch of what may be null, if null is one, and is not.
func (d *Decoder) present(null int) error {
	if null < 0 {
		return nil
	}
	branch, err := d.long()
	if err == nil && branch != int64(1-null) {
		err = errors.New("it is null")
	}
	return err
}

// side adds the row before a change, or after it.
func (d *Decoder) side(p *Changes, kind stream.RowKind, starts []int) error {
	i, at := 1, p.after
	if kind.Retracts() {
		i, at = 0, p.before
	}
	d.i = starts[at]
	branch, err := d.long()
	if err != nil {
		return err
	}
	if x := p.row[i].nodes[branch]; x.op == opNull {
		if i == 0 {
			return errors.New("a change without the row before it; the database must log whole rows (in PostgreSQL, REPLICA IDENTITY FULL)")
		}
		return errors.New("a change without the row after it")
	}
	d.i = starts[at]
	if err := d.read(p.row[i]); err != nil {
		d.Undo()
		return fmt.Errorf("field %s: %w", p.names[at], err)
	}
	d.Next()
	return nil
}
