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
	case q.Mode != ast.Create:
		return nil, diag.Unsupported(q.Pos, q.Mode.String()+" TABLE")
	case q.Distributed != nil:
		return nil, diag.Unsupported(q.Distributed.Pos, "DISTRIBUTED BY")
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
	if err := s.space.Create(ctx, t); err != nil {
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
	return s.fill(ctx, t, query)
}

// fill is the job of CREATE TABLE … AS. When it cannot be planned the table is
// taken back.
func (s *Session) fill(ctx context.Context, t *catalog.Table, query logical.Node) (Result, error) {
	p, err := func() (*Plan, error) {
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
	}()
	if err != nil {
		return nil, errors.Join(err, s.space.Drop(ctx, t.Ident, t.Temporary))
	}
	return p, nil
}

// asColumns gives the table the columns of its query.
func (s *Session) asColumns(ctx context.Context, t *catalog.Table, q *ast.CreateTable) (logical.Node, error) {
	if len(q.Schema.Columns) > 0 {
		return nil, diag.Unsupported(q.Schema.Columns[0].Pos, "columns in CREATE TABLE … AS")
	}
	n, err := s.binder().Query(ctx, q.As)
	if err != nil {
		return nil, err
	}
	for _, c := range n.Schema() {
		if c.Type.Kind == datatype.Null {
			return nil, diag.At(q.Pos, "column %q of the query is NULL without a type; CAST it", c.Name)
		}
		t.Columns = append(t.Columns, catalog.Column{Name: c.Name, Type: stored(c.Type), Kind: ast.PhysicalColumn})
	}
	schema := q.Schema
	return n, s.addSchema(t, &schema)
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
		t.PrimaryKey = slices.Clone(from.PrimaryKey)
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
