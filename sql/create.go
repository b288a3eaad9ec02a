package sql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// createTable declares a table; with AS it also fills it, which is a job.
func (s *Session) createTable(ctx context.Context, q *ast.CreateTable) (Result, error) {
	id, err := s.space.Ident(q.Name.Parts)
	if err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	switch {
	case q.Mode != ast.Create && q.As == nil:
		return nil, diag.At(q.Pos, "%s TABLE needs AS query", q.Mode)
	case q.Mode == ast.CreateOrAlter:
		return nil, diag.Unsupported(q.Pos, q.Mode.String()+" TABLE")
	case q.Distributed != nil:
		return nil, diag.At(q.Distributed.Pos, "no connector here writes buckets: leave DISTRIBUTED BY out, or use PARTITIONED BY")
	}
	if _, err := s.space.Table(ctx, id); err == nil && q.IfNotExists {
		return ok()
	}
	t := &catalog.Table{Ident: id, Temporary: q.Temporary, Options: map[string]string{}}
	if q.Like != nil {
		if err := s.like(ctx, t, q); err != nil {
			return nil, err
		}
	}
	for _, o := range q.Options {
		t.Options[o.Key] = o.Value
	}
	if q.Comment != nil {
		t.Comment = q.Comment.Value
	}
	var query logical.Node
	if q.As != nil {
		if query, err = s.asColumns(ctx, t, q); err != nil {
			return nil, err
		}
	} else if err := s.addSchema(t, &q.Schema); err != nil {
		return nil, err
	}
	if err := s.checkTable(ctx, t, q); err != nil {
		return nil, err
	}
	var old *catalog.Table
	if q.Mode != ast.Create {
		if old, err = s.replaceable(ctx, q, t); err != nil {
			return nil, err
		}
	}
	undo, err := s.put(ctx, t, old)
	if err != nil {
		if q.As != nil && q.IfNotExists && errors.Is(err, catalog.ErrExists) {
			return ok()
		}
		if _, err := exists(err, q.IfNotExists); err != nil {
			return nil, diag.Wrap(q.Name.Pos, err)
		}
		return ok()
	}
	if query == nil {
		return ok()
	}
	p, err := s.fill(ctx, t, q, query)
	if err != nil {
		return nil, errors.Join(err, undo())
	}
	return p, nil
}

// fill is the job of CREATE TABLE … AS.
func (s *Session) fill(ctx context.Context, t *catalog.Table, q *ast.CreateTable, query logical.Node) (*Plan, error) {
	if len(q.Schema.Columns) > 0 {
		return s.fillColumns(ctx, q, query)
	}
	t, err := s.space.Table(ctx, t.Ident) // the catalog may have added options
	if err != nil {
		return nil, err
	}
	jt, err := s.binder().JobTable(ctx, t)
	if err != nil {
		return nil, err
	}
	sink := bind.Into(query, jt)
	return s.plan(ctx, &bound{roots: []logical.Node{sink}, tables: []job.Ident{jt.Ident}})
}

// fillColumns fills a table with columns of its own: those that the query does
// not have are NULL.
func (s *Session) fillColumns(ctx context.Context, q *ast.CreateTable, query logical.Node) (*Plan, error) {
	in := &ast.Insert{Pos: q.Pos, Table: q.Name}
	for _, c := range query.Schema() {
		in.Columns = append(in.Columns, ast.Ident{Pos: q.Name.Pos, Name: c.Name})
	}
	sink, err := s.binder().InsertBound(ctx, in, query)
	if err != nil {
		return nil, err
	}
	return s.plan(ctx, &bound{roots: []logical.Node{sink}, tables: []job.Ident{sink.Table.Ident}})
}

// asColumns gives the table the columns of its query: after those of its own
// that the query does not have, and of the types that it says itself; or in
// the order in which it names them all.
func (s *Session) asColumns(ctx context.Context, t *catalog.Table, q *ast.CreateTable) (logical.Node, error) {
	n, err := s.binder().Query(ctx, q.As)
	if err != nil {
		return nil, err
	}
	var given []catalog.Column
	for _, c := range n.Schema() {
		given = append(given, catalog.Column{Name: c.Name, Type: stored(c.Type), Kind: ast.PhysicalColumn})
	}
	schema := q.Schema
	schema.Columns = nil
	if len(q.Schema.Columns) > 0 && q.Schema.Columns[0].Kind == ast.BareColumn {
		given, err = inOrder(given, q.Schema.Columns)
	} else {
		given, err = s.withOwn(t, given, q.Schema.Columns)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range given {
		if c.Type.Kind == datatype.Null {
			return nil, diag.At(q.Pos, "column %q of the query is NULL without a type; CAST it", c.Name)
		}
	}
	t.Columns = append(t.Columns, given...)
	return n, s.addSchema(t, &schema)
}

// inOrder puts the columns of a query into the order of their names.
func inOrder(given []catalog.Column, names []ast.ColumnDef) ([]catalog.Column, error) {
	out := make([]catalog.Column, 0, len(given))
	for i := range names {
		n := &names[i]
		named := func(c catalog.Column) bool { return c.Name == n.Name.Last() }
		at := slices.IndexFunc(given, named)
		switch {
		case at < 0:
			return nil, diag.At(n.Pos, "the query has no column %q; a new column needs a type", n.Name.Last())
		case slices.ContainsFunc(out, named):
			return nil, diag.At(n.Pos, "column %q is named twice", n.Name.Last())
		}
		out = append(out, given[at])
	}
	for _, c := range given {
		if !slices.ContainsFunc(out, func(o catalog.Column) bool { return o.Name == c.Name }) {
			return nil, diag.At(names[0].Pos, "column %q of the query is not named; name all of them, or give types", c.Name)
		}
	}
	return out, nil
}

// withOwn declares the columns of the statement that the query does not have,
// and gives those of the query with the types that the statement says.
func (s *Session) withOwn(t *catalog.Table, given []catalog.Column, own []ast.ColumnDef) ([]catalog.Column, error) {
	typed := &catalog.Table{Ident: t.Ident}
	for i := range own {
		into, c := t, own[i]
		at := slices.IndexFunc(given, func(g catalog.Column) bool { return g.Name == c.Name.Last() })
		if at >= 0 {
			into = typed
			if c.Kind != ast.PhysicalColumn {
				return nil, diag.At(c.Pos, "column %q is of the query, and is a physical column", c.Name.Last())
			}
			if c.Constraint != nil {
				return nil, diag.At(c.Pos, "say PRIMARY KEY (%s) NOT ENFORCED behind the columns", c.Name.Last())
			}
			c.Place = ast.ColumnPlace{}
		}
		if err := addColumn(into, &c); err != nil {
			return nil, err
		}
		if at >= 0 {
			given[at] = typed.Columns[len(typed.Columns)-1]
		}
	}
	return given, nil
}

// stored widens the types of constants: a column made of 'a' is a STRING.
func stored(t datatype.Type) datatype.Type {
	if t.Kind == datatype.Char {
		return datatype.String.WithNull(t.Nullable())
	}
	return t
}

// addSchema adds columns, keys and the watermark to a table.
func (s *Session) addSchema(t *catalog.Table, schema *ast.Schema) error {
	for i := range schema.Columns {
		if err := addColumn(t, &schema.Columns[i]); err != nil {
			return err
		}
	}
	for i := range schema.Constraints {
		if err := addConstraint(t, &schema.Constraints[i], schema.Constraints[i].Columns); err != nil {
			return err
		}
	}
	if schema.Watermark != nil {
		if t.Watermark != nil {
			return diag.At(schema.Watermark.Pos, "table %s has a watermark already", t.Ident)
		}
		t.Watermark = schema.Watermark
	}
	return nil
}

func addColumn(t *catalog.Table, c *ast.ColumnDef) error {
	name := c.Name.Last()
	if len(c.Name.Parts) != 1 {
		return diag.Unsupported(c.Pos, "columns within rows")
	}
	if slices.ContainsFunc(t.Columns, func(o catalog.Column) bool { return o.Name == name }) {
		return diag.At(c.Pos, "column %q is declared twice", name)
	}
	col := catalog.Column{Name: name, Kind: c.Kind, Expr: c.Expr, Virtual: c.Virtual}
	if c.Comment != nil {
		col.Comment = c.Comment.Value
	}
	switch c.Kind {
	case ast.BareColumn:
		return diag.At(c.Pos, "column %q needs a type", name)
	case ast.MetadataColumn:
		col.MetadataKey = name
		if c.MetadataKey != nil {
			col.MetadataKey = c.MetadataKey.Value
		}
	default:
	}
	if c.Type != nil {
		ct, err := datatype.FromAST(c.Type)
		if err != nil {
			return err
		}
		col.Type = ct
	}
	t.Columns = append(t.Columns, col)
	if err := placeColumn(t, len(t.Columns)-1, c); err != nil {
		return err
	}
	if c.Constraint != nil {
		return addConstraint(t, c.Constraint, []ast.Ident{{Pos: c.Pos, Name: name}})
	}
	return nil
}

// addConstraint records the primary key; its columns become NOT NULL.
func addConstraint(t *catalog.Table, c *ast.Constraint, columns []ast.Ident) error {
	switch {
	case c.Unique:
		return diag.Unsupported(c.Pos, "UNIQUE")
	case c.Enforced != ast.NotEnforced:
		return diag.At(c.Pos, "PRIMARY KEY must be NOT ENFORCED: the engine does not own the data and cannot check it")
	case len(t.PrimaryKey) > 0:
		return diag.At(c.Pos, "the table has a primary key already")
	}
	t.KeyName = c.Name.Name
	for _, k := range columns {
		i := slices.IndexFunc(t.Columns, func(o catalog.Column) bool { return o.Name == k.Name })
		if i < 0 {
			return diag.At(k.Pos, "PRIMARY KEY: no column %q", k.Name)
		}
		if t.Columns[i].Kind != ast.PhysicalColumn {
			return diag.At(k.Pos, "PRIMARY KEY needs physical columns, %q is none", k.Name)
		}
		t.Columns[i].Type.NotNull = true
		t.PrimaryKey = append(t.PrimaryKey, k.Name)
	}
	return nil
}

// checkTable reports mistakes in a declaration at once, not at the first use.
func (s *Session) checkTable(ctx context.Context, t *catalog.Table, q *ast.CreateTable) error {
	for _, p := range q.Partitioned {
		if !slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == p.Name }) {
			return diag.At(p.Pos, "PARTITIONED BY: no column %q", p.Name)
		}
		t.PartitionedBy = append(t.PartitionedBy, p.Name)
	}
	if len(t.Columns) == 0 {
		return nil // the connector finds them
	}
	_, err := s.binder().Declared(ctx, t)
	return err
}

// like copies from another table what the rules include: by default all but
// what is written in this statement too.
func (s *Session) like(ctx context.Context, t *catalog.Table, q *ast.CreateTable) error {
	id, err := s.space.Ident(q.Like.Table.Parts)
	if err != nil {
		return diag.Wrap(q.Like.Table.Pos, err)
	}
	from, err := s.space.Table(ctx, id)
	if err != nil {
		return diag.At(q.Like.Table.Pos, "no table %q", q.Like.Table.String())
	}
	if from.View != nil {
		return diag.At(q.Like.Table.Pos, "%s is a view; LIKE takes a table", q.Like.Table)
	}
	rule := rules(q.Like.Options)
	for _, c := range from.Columns {
		if c.Kind == ast.ComputedColumn && rule("GENERATED") == "EXCLUDING" || c.Kind == ast.MetadataColumn && rule("METADATA") == "EXCLUDING" {
			continue
		}
		t.Columns = append(t.Columns, c)
	}
	if rule("CONSTRAINTS") != "EXCLUDING" {
		t.PrimaryKey, t.KeyName = slices.Clone(from.PrimaryKey), from.KeyName
	}
	if rule("PARTITIONS") != "EXCLUDING" {
		t.PartitionedBy = slices.Clone(from.PartitionedBy)
	}
	if rule("WATERMARKS") != "EXCLUDING" {
		t.Watermark = from.Watermark
	}
	if q.Schema.Watermark != nil && rule("WATERMARKS") == "OVERWRITING" {
		t.Watermark = nil
	}
	if rule("OPTIONS") != "EXCLUDING" {
		t.Foreign = from.Foreign
		for k, v := range from.Options {
			t.Options[k] = v
		}
		return likeOptions(t, q, rule("OPTIONS"))
	}
	return nil
}

// likeOptions refuses options that are on both sides under INCLUDING OPTIONS.
func likeOptions(t *catalog.Table, q *ast.CreateTable, rule string) error {
	if rule != "INCLUDING" {
		return nil
	}
	for _, o := range q.Options {
		if _, both := t.Options[o.Key]; both {
			return diag.At(o.Pos, "option '%s' is in table %s too; say OVERWRITING OPTIONS", o.Key, q.Like.Table)
		}
	}
	return nil
}

// rules gives the strategy of a feature: its own, that of ALL, or the default.
func rules(list []ast.LikeOption) func(feature string) string {
	return func(feature string) string {
		strategy := map[string]string{"OPTIONS": "OVERWRITING", "GENERATED": "INCLUDING", "METADATA": "INCLUDING", "WATERMARKS": "INCLUDING"}[feature]
		for _, o := range list {
			if strings.EqualFold(o.Feature, "ALL") {
				strategy = strings.ToUpper(o.Strategy)
			}
		}
		for _, o := range list {
			if strings.EqualFold(o.Feature, feature) {
				strategy = strings.ToUpper(o.Strategy)
			}
		}
		return strategy
	}
}
