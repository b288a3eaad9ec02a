package bind

import (
	"context"
	"strings"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// deadLetters is where the rows of jt go that cannot be read: the table that
// 'error.table' names, when 'error.policy' is dead-letter.
func (b *Binder) deadLetters(ctx context.Context, pos ast.Pos, jt job.Table) (*logical.Side, error) {
	if jt.Options["error.policy"] != "dead-letter" {
		return nil, nil
	}
	name := jt.Options[errorTable]
	if name == "" {
		return nil, diag.At(pos, "table %s: 'error.policy' = 'dead-letter' needs the option 'error.table', the table that receives the rows", jt.Ident)
	}
	return b.letters(ctx, pos, jt.Ident, name)
}

// letters is the table called name for dead letters of another one.
func (b *Binder) letters(ctx context.Context, pos ast.Pos, from job.Ident, name string) (*logical.Side, error) {
	var given logical.Schema
	for _, f := range ops.Letters.Fields() {
		t, _ := datatype.FromField(f)
		given = append(given, logical.Column{Name: f.Name, Type: t.WithNull(true)})
	}
	return b.side(ctx, pos, from, name, given)
}

// side binds the table called name for rows of schema given that leave the
// plan: each of its columns takes the given one of its name, or NULL.
func (b *Binder) side(ctx context.Context, pos ast.Pos, from job.Ident, name string, given logical.Schema) (*logical.Side, error) {
	id, err := b.Tables.Ident(strings.Split(strings.ReplaceAll(name, "`", ""), "."))
	if err != nil {
		return nil, diag.Wrap(pos, err)
	}
	if id == from {
		return nil, diag.At(pos, "table %s cannot receive its own bad rows", id)
	}
	t, err := b.lookup(ctx, pos, id, ast.Name{Pos: pos, Parts: []string{name}})
	if err != nil {
		return nil, err
	}
	if t.View != nil {
		return nil, diag.At(pos, "%s is a view; rows are written into tables", id)
	}
	jt, err := b.JobTable(ctx, t)
	if err != nil {
		return nil, diag.Wrap(pos, err)
	}
	jt = written(t, jt)
	out := &logical.Side{Table: jt}
	for _, f := range jt.Schema.Fields() {
		ft, ok := datatype.FromField(f)
		if !ok {
			return nil, diag.At(pos, "column %q of %s has type %s, which SQL does not have", f.Name, id, f.Type)
		}
		v := null(ft)
		if i := given.Index(f.Name); i >= 0 {
			if !datatype.Assignable(given[i].Type, ft) {
				return nil, diag.At(pos, "column %q of %s is of type %s; what is written there is of type %s", f.Name, id, ft.Text(), given[i].Type.Text())
			}
			v = convert(Value{Expr: given.Ref(i), Type: given[i].Type}, ft)
		} else if !ft.Nullable() {
			return nil, diag.At(pos, "column %q of %s is NOT NULL; what is written there has the columns %s", f.Name, id, strings.Join(given.Names(), ", "))
		}
		out.Exprs = append(out.Exprs, v.Expr)
		out.Output = append(out.Output, logical.Column{Name: f.Name, Type: ft})
	}
	return out, nil
}
