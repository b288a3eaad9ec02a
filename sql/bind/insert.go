package bind

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// Insert binds INSERT INTO: the query, cast to the columns of the table.
func (b *Binder) Insert(ctx context.Context, s *ast.Insert) (*logical.Sink, error) {
	switch {
	case s.Upsert:
		return nil, unsupported(s.Pos, "UPSERT")
	case len(s.NewColumns) > 0:
		return nil, unsupported(s.Pos, "columns with types in INSERT")
	case s.OnConflict != ast.ConflictUnset && s.OnConflict != ast.ConflictDeduplicate:
		return nil, diag.At(s.Pos, "ON CONFLICT DO %s is not yet supported: as in Flink, only ON CONFLICT DO DEDUPLICATE is, which keeps the row that comes last", s.OnConflict)
	}
	sink, err := b.insert(ctx, s, nil)
	if err != nil || s.OnConflict == ast.ConflictUnset {
		return sink, err
	}
	if len(sink.Table.PrimaryKey) == 0 {
		return nil, diag.At(s.Pos, "ON CONFLICT is about rows that meet in a primary key, and table %s has none", s.Table)
	}
	sink.OnConflict = true
	return sink, nil
}

// InsertBound binds an INSERT whose query is bound already: s.Query is not
// looked at.
func (b *Binder) InsertBound(ctx context.Context, s *ast.Insert, query logical.Node) (*logical.Sink, error) {
	return b.insert(ctx, s, query)
}

func (b *Binder) insert(ctx context.Context, s *ast.Insert, node logical.Node) (*logical.Sink, error) {
	id, err := b.Tables.Ident(s.Table.Parts)
	if err != nil {
		return nil, diag.Wrap(s.Table.Pos, err)
	}
	t, err := b.lookup(ctx, s.Table.Pos, id, s.Table)
	if err != nil {
		return nil, err
	}
	if t.View != nil {
		return nil, diag.At(s.Table.Pos, "%s is a view; rows are inserted into tables", id)
	}
	if h := options(s.Hints); len(h) > 0 {
		t = t.Clone()
		for k, v := range h {
			t.Options[k] = v
		}
	}
	jt, err := b.JobTable(ctx, t)
	if err != nil {
		return nil, diag.Wrap(s.Table.Pos, err)
	}
	jt = written(t, jt)
	if s.Overwrite {
		if jt.Overwrite, err = b.overwrite(s, jt); err != nil {
			return nil, err
		}
	}
	target, err := b.target(s, t, jt)
	if err != nil {
		return nil, err
	}
	if node == nil {
		if node, err = b.source(ctx, s, target); err != nil {
			return nil, err
		}
	}
	return b.sink(s, jt, target, node)
}

// Into writes a bound query into a table whose schema it decides: the sink of
// a SELECT, and of CREATE TABLE … AS.
func Into(node logical.Node, t job.Table) *logical.Sink {
	return &logical.Sink{Input: node, Table: t, Name: t.Ident.Name}
}

// target is how the columns of the table are filled.
type target struct {
	columns []targetColumn // in the order of the table
	given   int            // how many the query gives
}

type targetColumn struct {
	name string
	typ  datatype.Type
	from int    // column of the query, or -1
	fix  *Value // constant of PARTITION (k = 'v')
}

func (b *Binder) target(s *ast.Insert, t *catalog.Table, jt job.Table) (*target, error) {
	tg := &target{}
	for _, f := range jt.Schema.Fields() {
		ft, ok := datatype.FromField(f)
		if !ok {
			return nil, diag.At(s.Table.Pos, "column %q of %s has type %s, which SQL does not have", f.Name, jt.Ident, f.Type)
		}
		tg.columns = append(tg.columns, targetColumn{name: f.Name, typ: ft, from: -1})
	}
	if err := b.partition(s, tg); err != nil {
		return nil, err
	}
	if s.Columns == nil {
		for _, i := range tg.declared(t) {
			if tg.columns[i].fix == nil {
				tg.columns[i].from = tg.given
				tg.given++
			}
		}
		return tg, nil
	}
	for _, c := range s.Columns {
		i := tg.index(c.Name)
		if i < 0 {
			return nil, diag.At(c.Pos, "table %s has no column %q%s", s.Table, c.Name, meant(c.Name, tg.names()))
		}
		if tg.columns[i].from >= 0 {
			return nil, diag.At(c.Pos, "column %q is named twice", c.Name)
		}
		tg.columns[i].from = tg.given
		tg.given++
	}
	return tg, nil
}

// written is a table as rows are written into it: without its virtual columns.
func written(t *catalog.Table, jt job.Table) job.Table {
	fields := slices.DeleteFunc(slices.Clone(jt.Schema.Fields()), func(f arrow.Field) bool { return virtual(t, f.Name) })
	jt.Schema.Schema = arrow.NewSchema(fields, nil)
	return jt
}

func virtual(t *catalog.Table, name string) bool {
	return slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name && c.Virtual })
}

// declared is the order in which the table declares its columns, of which those of
// metadata come last otherwise.
func (t *target) declared(table *catalog.Table) []int {
	var order, others []int
	for _, c := range table.Columns {
		if i := t.index(c.Name); i >= 0 {
			order = append(order, i)
		}
	}
	for i := range t.columns {
		if !slices.Contains(order, i) {
			others = append(others, i) // the connector knows it
		}
	}
	return append(order, others...)
}

func (t *target) names() []string {
	out := make([]string, len(t.columns))
	for i, c := range t.columns {
		out[i] = c.name
	}
	return out
}

func (t *target) index(name string) int {
	return slices.IndexFunc(t.columns, func(c targetColumn) bool { return c.name == name })
}

func (b *Binder) partition(s *ast.Insert, tg *target) error {
	x := &exprs{b: b, scope: &scope{}}
	for _, p := range s.Partition {
		i := tg.index(p.Name)
		if i < 0 {
			return diag.At(p.Pos, "table %s has no column %q%s", s.Table, p.Name, meant(p.Name, tg.names()))
		}
		if p.Value == nil {
			continue
		}
		v, err := x.bind(p.Value)
		if err != nil {
			return err
		}
		v = explicit(v, tg.columns[i].typ, false)
		tg.columns[i].fix = &v
	}
	return nil
}

// source binds the query; VALUES take the types of their NULLs from the table.
func (b *Binder) source(ctx context.Context, s *ast.Insert, tg *target) (logical.Node, error) {
	values, ok := s.Query.(*ast.Values)
	if !ok {
		return b.query(ctx, s.Query, nil)
	}
	types := make([]datatype.Type, tg.given)
	for _, c := range tg.columns {
		if c.from >= 0 {
			types[c.from] = c.typ
		}
	}
	return b.values(ctx, values, types)
}

// sink casts the query's columns to the table's.
func (b *Binder) sink(s *ast.Insert, jt job.Table, tg *target, node logical.Node) (*logical.Sink, error) {
	schema := node.Schema()
	if len(schema) != tg.given {
		return nil, diag.At(s.Table.Pos, "the query gives %d columns, %s takes %d\n  query: %s\n  table: %s", len(schema), s.Table, tg.given, schemaText(schema), tg.text())
	}
	vs := make([]Value, len(tg.columns))
	for i, c := range tg.columns {
		switch {
		case c.fix != nil:
			vs[i] = *c.fix
		case c.from < 0:
			if !c.typ.Nullable() {
				return nil, diag.At(s.Table.Pos, "column %q of %s is NOT NULL and must be given", c.name, s.Table)
			}
			vs[i] = null(c.typ)
		default:
			q := schema[c.from]
			if !datatype.Assignable(q.Type, c.typ) {
				return nil, diag.At(s.Table.Pos, "column %d of the query, %q, is of type %s; column %q of %s is of type %s; CAST it\n  query: %s\n  table: %s", c.from+1, q.Name, q.Type.Text(), c.name, s.Table, c.typ.Text(), schemaText(schema), tg.text())
			}
			if q.Type.Kind == datatype.Null && !c.typ.Nullable() {
				return nil, diag.At(s.Table.Pos, "column %q of %s is NOT NULL, the query gives NULL", c.name, s.Table)
			}
			vs[i] = convert(Value{Expr: schema.Ref(c.from), Type: q.Type, Time: q.Time}, c.typ)
		}
		vs[i].Name = c.name
	}
	drop, err := b.enforce(s.Table.Pos, vs, tg.columns)
	if err != nil {
		return nil, err
	}
	node = without(node, drop)
	if len(tg.columns) == len(schema) && passThrough(vs, schema) {
		return &logical.Sink{Input: node, Table: jt, Name: jt.Ident.Name}, nil
	}
	return &logical.Sink{Input: project(node, vs), Table: jt, Name: jt.Ident.Name}, nil
}

// passThrough reports that the query gives the table's columns already, under
// their names.
func passThrough(vs []Value, schema logical.Schema) bool {
	for i, v := range vs {
		if c := columnOf(v); c != i || schema[i].Name != v.Name {
			return false
		}
	}
	return true
}

func schemaText(s logical.Schema) string {
	parts := make([]string, len(s))
	for i, c := range s {
		parts[i] = c.Name + ": " + c.Type.String()
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// text is the columns in the order in which the query gives them, and those that it
// does not.
func (t *target) text() string {
	columns := slices.Clone(t.columns)
	slices.SortStableFunc(columns, func(a, b targetColumn) int { return cmp.Compare(uint(a.from), uint(b.from)) })
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.name + ": " + c.typ.String()
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
