package bind

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/internal/reference"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

func (b *Binder) lookup(ctx context.Context, pos ast.Pos, id job.Ident, name ast.Name) (*catalog.Table, error) {
	t, err := b.Tables.Table(ctx, id)
	if catalog.IsNotFound(err) {
		return nil, diag.At(pos, "no table %q%s", name.String(), nearest.Hint(id.Name, b.Tables.Near(ctx, id), `"`))
	}
	return t, diag.Wrap(pos, err)
}

// view binds the query of a view in the place where it was created.
func (b *Binder) view(ctx context.Context, pos ast.Pos, t *catalog.Table) (logical.Node, error) {
	if b.depth >= maxViewDepth {
		return nil, diag.At(pos, "view %s reads itself, or views are nested more than %d deep", t.Ident, maxViewDepth)
	}
	inner := *b
	inner.depth++
	inner.outer = nil
	inner.Tables = placed{Tables: b.Tables, catalog: t.View.Catalog, database: t.View.Database}
	node, err := inner.query(ctx, t.View.Query, nil)
	if err != nil {
		return nil, diag.At(pos, "view %s can no longer be read: %s", t.Ident, diag.Text(diag.InText(err, t.View.Text)))
	}
	if len(t.View.Columns) == 0 {
		return node, nil
	}
	p := &logical.Project{Input: node, Exprs: node.Schema().Refs(), Output: slices.Clone(node.Schema())}
	if len(p.Output) != len(t.View.Columns) {
		return nil, diag.At(pos, "view %s names %d columns, its query has %d", t.Ident, len(t.View.Columns), len(p.Output))
	}
	for i, name := range t.View.Columns {
		p.Output[i].Name = name
	}
	return p, nil
}

// placed completes names from another catalog and database.
type placed struct {
	Tables
	catalog, database string
}

func (p placed) Ident(parts []string) (job.Ident, error) {
	return catalog.Complete(parts, p.catalog, p.database)
}

// scan builds the reading of a table: the connector's columns, the computed
// ones over them, and the watermark.
func (b *Binder) scan(ctx context.Context, pos ast.Pos, t *catalog.Table, hints map[string]string) (logical.Node, error) {
	if len(hints) > 0 {
		t = t.Clone()
		maps.Copy(t.Options, hints)
	}
	jt, err := b.JobTable(ctx, t)
	if err != nil {
		return nil, diag.Wrap(pos, err)
	}
	if err := b.inOrder(pos, t, jt.Connector); err != nil {
		return nil, err
	}
	s := &logical.Scan{Table: jt}
	if err := lookups(s, t.Options); err != nil {
		return nil, diag.Wrap(pos, err)
	}
	for _, f := range jt.Schema.Fields() {
		ft, ok := datatype.FromField(f)
		if !ok {
			return nil, diag.At(pos, "column %q of %s has type %s, which SQL does not have", f.Name, t.Ident, f.Type)
		}
		s.Output = append(s.Output, logical.Column{Name: f.Name, Type: ft})
	}
	if s.Errors, err = b.deadLetters(ctx, pos, jt); err != nil {
		return nil, err
	}
	node, err := b.columns(ctx, pos, t, s)
	if err != nil {
		return nil, err
	}
	late, err := b.late(pos, t)
	if err != nil || t.Watermark == nil {
		return node, err
	}
	w, err := b.watermark(ctx, t, node)
	if err != nil { // its place is in the text of CREATE TABLE
		return nil, diag.At(pos, "watermark of %s: %s", t.Ident, message(err))
	}
	w.Late = late
	return w, nil
}

// message is the text of an error without its place.
func message(err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Msg
	}
	return diag.Text(err)
}

// JobTable is the table as its connector sees it: physical columns, then those
// of metadata, completed by the connector.
func (b *Binder) JobTable(ctx context.Context, t *catalog.Table) (job.Table, error) {
	options, err := t.Options, error(nil)
	if !t.Foreign {
		if options, err = reference.Options(t.Options); err != nil {
			return job.Table{}, fmt.Errorf("table %s: %w", t.Ident, err)
		}
		if b.Kept && !maps.Equal(options, t.Options) {
			return job.Table{}, fmt.Errorf("%w: table %s refers to ${…} in its options, and a plan in a file would hold what stands behind it", job.ErrInvalid, t.Ident)
		}
	}
	options = maps.Clone(options)
	forConnector(options)
	maps.DeleteFunc(options, func(k, _ string) bool { return cacheOption(k) })
	jt := job.Table{
		Ident: t.Ident, Connector: options["connector"], Options: options,
		PrimaryKey: t.PrimaryKey, PartitionedBy: t.PartitionedBy,
	}
	if jt.Connector == "" {
		return jt, diag.At(ast.Pos{}, "table %s has no option 'connector'", t.Ident)
	}
	var fields []arrow.Field
	for _, c := range t.Physical() {
		fields = append(fields, datatype.ArrowField(c.Name, c.Type))
	}
	for _, c := range t.Columns {
		if c.Kind == ast.MetadataColumn {
			f := datatype.ArrowField(c.Name, c.Type)
			f.Metadata = withKey(f.Metadata, ops.MetadataColumn, c.MetadataKey)
			fields = append(fields, f)
		}
	}
	if len(fields) > 0 {
		jt.Schema = job.Schema{Schema: arrow.NewSchema(fields, nil)}
	}
	jt, err = b.Tables.Resolve(ctx, jt)
	if err == nil && jt.Schema.Schema == nil {
		err = diag.At(ast.Pos{}, "table %s declares no columns and connector %q finds none", t.Ident, jt.Connector)
	}
	return jt, err
}

func withKey(m arrow.Metadata, key, value string) arrow.Metadata {
	return arrow.NewMetadata(append(slices.Clone(m.Keys()), key), append(slices.Clone(m.Values()), value))
}

// columns puts the declared columns in their order: physical and metadata ones
// from the scan, computed ones as expressions.
func (b *Binder) columns(ctx context.Context, pos ast.Pos, t *catalog.Table, s *logical.Scan) (logical.Node, error) {
	declared := slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Kind != ast.PhysicalColumn })
	if !declared {
		return s, nil
	}
	x := &exprs{b: b, ctx: ctx, scope: scopeOf(t.Ident.Name, s.Output)}
	var vs []Value
	if len(t.Physical()) == 0 { // the connector knew the columns
		for i := range s.Output {
			vs = append(vs, x.scope.value(i))
		}
	}
	for _, c := range t.Columns {
		if c.Kind != ast.ComputedColumn {
			vs = append(vs, x.scope.value(s.Output.Index(c.Name)))
			continue
		}
		v, err := x.bind(c.Expr)
		if err != nil {
			return nil, diag.At(pos, "computed column %q of %s: %s", c.Name, t.Ident, message(err))
		}
		v.Name = c.Name
		vs = append(vs, v)
	}
	return project(s, vs), nil
}

func (b *Binder) watermark(ctx context.Context, t *catalog.Table, node logical.Node) (*logical.Watermark, error) {
	schema := node.Schema()
	name := strings.Join(t.Watermark.Column.Parts, ".")
	at := schema.Index(name)
	if at < 0 {
		return nil, diag.At(t.Watermark.Column.Pos, "WATERMARK FOR %s: no column %q%s", name, name, meant(name, schema.Names()))
	}
	if c := schema[at]; !c.Type.IsTimestamp() {
		return nil, diag.At(t.Watermark.Column.Pos, "WATERMARK FOR %s needs a TIMESTAMP or TIMESTAMP_LTZ column, %q is of type %s", name, name, c.Type.Text())
	}
	e := t.Watermark.Expr
	if fromSource(t.Watermark) {
		e = sourceWatermark(t.Watermark)
	}
	v, err := b.Expr(ctx, e, t.Ident.Name, schema)
	if err != nil {
		return nil, err
	}
	if !v.Type.IsTimestamp() {
		return nil, diag.At(t.Watermark.Expr.Position(), "the watermark of %s must be a timestamp, this is of type %s", name, v.Type.Text())
	}
	return &logical.Watermark{Input: node, Column: at, Expr: v.Expr}, nil
}

// Declared checks what CREATE TABLE declares, so that a mistake is reported
// there: the computed columns and the watermark. It needs no connector.
func (b *Binder) Declared(ctx context.Context, t *catalog.Table) (logical.Schema, error) {
	s := &logical.Scan{}
	for _, c := range t.Columns {
		if c.Kind != ast.ComputedColumn {
			s.Output = append(s.Output, logical.Column{Name: c.Name, Type: c.Type})
		}
	}
	x := &exprs{b: b, ctx: ctx, scope: scopeOf(t.Ident.Name, s.Output)}
	var vs []Value
	for _, c := range t.Columns {
		if c.Kind != ast.ComputedColumn {
			vs = append(vs, x.scope.value(s.Output.Index(c.Name)))
			continue
		}
		v, err := x.bind(c.Expr)
		if err != nil {
			return nil, err
		}
		v.Name = c.Name
		vs = append(vs, v)
	}
	node := logical.Node(project(s, vs))
	if t.Watermark == nil {
		return node.Schema(), nil
	}
	node, err := b.watermark(ctx, t, node)
	if err != nil {
		return nil, err
	}
	return node.Schema(), nil
}
