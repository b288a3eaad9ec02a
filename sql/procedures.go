package sql

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/vector/expr"
)

// procedures are those of a database of a catalog.
func (s *Session) procedures(cat, db string) ([]catalog.Procedure, error) {
	c, err := s.space.Lookup(cat)
	if err != nil {
		return nil, err
	}
	if p, ok := c.(catalog.Procedural); ok {
		return p.Procedures(db), nil
	}
	return nil, nil
}

// showProcedures names the procedures of a database: of the current one, if
// the statement names none.
func (s *Session) showProcedures(q *ast.Show) ([]string, error) {
	cat, db := s.space.Catalog, s.space.Database
	if !q.Name.IsZero() {
		var err error
		if cat, db, err = s.database(q.Name); err != nil {
			return nil, err
		}
	}
	list, err := s.procedures(cat, db)
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.Name
	}
	return names, err
}

// call runs a procedure: CALL catalog.database.name(arg => value, …).
func (s *Session) call(ctx context.Context, q *ast.CallProcedure) (Result, error) {
	p, err := s.procedure(q.Call.Name)
	if err != nil {
		return nil, err
	}
	args, err := s.procedureArgs(ctx, p, q.Call)
	if err != nil {
		return nil, err
	}
	rows, err := p.Call(ctx, args)
	if err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	return stringRows(p.Columns, rows), nil
}

func (s *Session) procedure(name ast.Name) (*catalog.Procedure, error) {
	cat, db := s.space.Catalog, s.space.Database
	switch n := len(name.Parts); {
	case n > 3:
		return nil, diag.At(name.Pos, "a procedure is named catalog.database.procedure, not %s", name)
	case n == 3:
		cat, db = name.Parts[0], name.Parts[1]
	case n == 2:
		db = name.Parts[0]
	}
	list, err := s.procedures(cat, db)
	if err != nil {
		return nil, diag.Wrap(name.Pos, err)
	}
	var names []string
	for i, p := range list {
		if strings.EqualFold(p.Name, name.Last()) {
			return &list[i], nil
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil, diag.At(name.Pos, "no procedure %s: %s.%s has none; those of a catalog of type iceberg are in its database system: CALL catalog.`system`.name(…)", name, cat, db)
	}
	return nil, diag.At(name.Pos, "no procedure %s%s; SHOW PROCEDURES FROM %s.`%s` lists those that are there", name, nearest.Hint(name.Last(), names, ""), cat, db)
}

// procedureArgs computes the arguments of a call, which are constants.
func (s *Session) procedureArgs(ctx context.Context, p *catalog.Procedure, c *ast.Call) (map[string]any, error) {
	args := map[string]any{}
	var names []string
	for _, a := range p.Args {
		names = append(names, a.Name)
	}
	for i, e := range c.Args {
		at := i
		if n, ok := e.(*ast.NamedArg); ok {
			e = n.Value
			if at = slices.IndexFunc(p.Args, func(a catalog.ProcedureArg) bool { return strings.EqualFold(a.Name, n.Name) }); at < 0 {
				return nil, diag.At(n.Position(), "procedure %s has no argument %s%s", p.Name, n.Name, nearest.Hint(n.Name, names, ""))
			}
		}
		if at >= len(p.Args) {
			return nil, diag.At(e.Position(), "procedure %s takes %d arguments: %s", p.Name, len(p.Args), strings.Join(names, ", "))
		}
		arg := p.Args[at]
		if _, twice := args[arg.Name]; twice {
			return nil, diag.At(e.Position(), "argument %s is given twice", arg.Name)
		}
		v, err := s.constantOf(ctx, e, arg)
		if err != nil {
			return nil, err
		}
		if v != nil {
			args[arg.Name] = v
		}
	}
	for _, a := range p.Args {
		if _, given := args[a.Name]; !given && !a.Optional {
			return nil, diag.At(c.Pos, "procedure %s needs the argument %s, a %s", p.Name, a.Name, a.Type.Text())
		}
	}
	return args, nil
}

// constantOf is the value of a constant as an argument takes it.
func (s *Session) constantOf(ctx context.Context, e ast.Expr, arg catalog.ProcedureArg) (any, error) {
	v, err := s.binder().Expr(ctx, e, "", nil)
	if err != nil {
		return nil, err
	}
	if v.Type.Kind != datatype.Null && !datatype.Assignable(v.Type, arg.Type) {
		return nil, diag.At(e.Position(), "argument %s is a %s, not a %s", arg.Name, arg.Type.Text(), v.Type.Text())
	}
	to := &expr.Call{Func: "cast", Args: []expr.Expr{v.Expr}, Of: arg.Type.Arrow()}
	if arg.Type.Kind == datatype.Map {
		return s.constantMap(to, e, arg)
	}
	l, ok := folder(s.config.Zone())(to)
	if !ok {
		return nil, diag.At(e.Position(), "argument %s takes a constant", arg.Name)
	}
	return l.Value, nil
}

// constantMap is the value of a MAP of strings.
func (s *Session) constantMap(e expr.Expr, at ast.Expr, arg catalog.ProcedureArg) (any, error) {
	out, err := evaluate(s.config.Zone(), e)
	if err != nil {
		return nil, diag.At(at.Position(), "argument %s takes a constant: %v", arg.Name, err)
	}
	defer out.Release()
	m, ok := out.(*array.Map)
	if !ok || m.IsNull(0) {
		return nil, nil
	}
	from, to := m.ValueOffsets(0)
	pairs := make(map[string]string, to-from)
	for i := int(from); i < int(to); i++ {
		pairs[m.Keys().ValueStr(i)] = m.Items().ValueStr(i)
	}
	return pairs, nil
}
