package bind

import (
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Value is a bound expression: what computes it, and its type.
type Value struct {
	Expr expr.Expr
	Type datatype.Type
	Time logical.TimeKind
	// Name is what a select list calls it when it has no alias: a column's or
	// field's name, or "".
	Name string
}

// scope is the columns that an expression may name. The i-th column is column
// i of the node that the expression reads.
type scope struct {
	columns []scopeColumn
}

type scopeColumn struct {
	table []string // the qualifiers by which it can be called, longest last part
	// hidden columns are called only with their table before them: those that
	// USING has merged.
	hidden bool
	logical.Column
}

// scopeOf gives every column of a schema the qualifier table.
func scopeOf(table string, s logical.Schema) *scope {
	sc := &scope{}
	for _, c := range s {
		col := scopeColumn{Column: c}
		if table != "" {
			col.table = []string{table}
		}
		sc.columns = append(sc.columns, col)
	}
	return sc
}

func (s *scope) value(i int) Value {
	c := s.columns[i]
	return Value{
		Expr: &expr.Column{Index: i, Name: c.Name, Of: c.Type.Arrow()},
		Type: c.Type, Time: c.Time, Name: c.Name,
	}
}

// find resolves a dotted reference: [catalog.database.]table.column, column,
// and the fields of either. The longest qualifier that fits wins, as in SQL; a
// column of that name otherwise.
func (s *scope) find(ref *ast.Column) (Value, error) {
	parts := ref.Parts
	for q := min(len(parts)-1, 3); q >= 0; q-- {
		at, n := s.match(parts[:q], parts[q])
		if n == 0 {
			continue
		}
		if n > 1 {
			return Value{}, diag.At(ref.Pos, "column %q is ambiguous; write the table's name or alias before it", parts[q])
		}
		return fields(ref.Pos, s.value(at), parts[q+1:])
	}
	return Value{}, s.unknown(ref)
}

// match finds the columns called name under a qualifier: the first, and how many.
func (s *scope) match(qualifier []string, name string) (at, n int) {
	for i, c := range s.columns {
		if c.Name == name && c.under(qualifier) {
			if n == 0 {
				at = i
			}
			n++
		}
	}
	return at, n
}

// under reports whether the qualifier is how the column's table is called: its
// alias, or the last parts of its name.
func (c scopeColumn) under(qualifier []string) bool {
	n := len(qualifier)
	return n == 0 && !c.hidden || n > 0 && n <= len(c.table) && slices.Equal(c.table[len(c.table)-n:], qualifier)
}

// unknown says that there is no such column, and which one may be meant.
func (s *scope) unknown(ref *ast.Column) error {
	parts := ref.Parts
	if len(parts) > 1 {
		tables := s.tables()
		if !slices.Contains(tables, parts[len(parts)-2]) && !slices.ContainsFunc(s.columns, func(c scopeColumn) bool { return c.Name == parts[0] }) {
			return diag.At(ref.Pos, "no table %q in this query%s", strings.Join(parts[:len(parts)-1], "."), meant(parts[len(parts)-2], tables))
		}
	}
	name := parts[len(parts)-1]
	names := make([]string, len(s.columns))
	for i, c := range s.columns {
		names[i] = c.Name
	}
	return diag.At(ref.Pos, "no column %q%s", name, meant(name, names))
}

func (s *scope) tables() []string {
	var out []string
	for _, c := range s.columns {
		if n := len(c.table); n > 0 && !slices.Contains(out, c.table[n-1]) {
			out = append(out, c.table[n-1])
		}
	}
	return out
}

// meant suggests the name that looks most like the one given, or lists a few.
func meant(name string, names []string) string {
	if hint := nearest.Hint(name, names, `"`); hint != "" {
		return hint
	}
	if len(names) == 0 {
		return ""
	}
	if len(names) > 12 {
		return "; there are " + strings.Join(names[:12], ", ") + ", …"
	}
	return "; there are " + strings.Join(names, ", ")
}

// fields follows a path into a row.
func fields(pos ast.Pos, v Value, path []string) (Value, error) {
	for _, name := range path {
		if v.Type.Kind != datatype.Row {
			return Value{}, diag.At(pos, "%q is of type %s and has no field %q", v.Name, v.Type.Text(), name)
		}
		i := slices.IndexFunc(v.Type.Fields, func(f datatype.Field) bool { return f.Name == name })
		if i < 0 {
			names := make([]string, len(v.Type.Fields))
			for j, f := range v.Type.Fields {
				names[j] = f.Name
			}
			return Value{}, diag.At(pos, "row %q has no field %q%s", v.Name, name, meant(name, names))
		}
		v = fieldOf(v, i)
	}
	return v, nil
}

// fieldOf is field i of a row; null where the row is.
func fieldOf(v Value, i int) Value {
	f := v.Type.Fields[i]
	t := f.Type.WithNull(f.Type.Nullable() || v.Type.Nullable())
	return Value{
		Expr: &expr.Call{
			Func: "field",
			Args: []expr.Expr{v.Expr, &expr.Literal{Value: int64(i), Of: datatype.Of(datatype.Int).Arrow()}},
			Of:   t.Arrow(),
		},
		Type: t, Name: f.Name,
	}
}
