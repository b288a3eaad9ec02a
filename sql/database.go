package sql

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
)

var describeInfo = []string{"info name", "info value"}

// describeDatabase answers DESCRIBE DATABASE; EXTENDED shows the options.
func (s *Session) describeDatabase(ctx context.Context, q *ast.Describe) (Result, error) {
	cat, db, err := s.database(q.Name)
	if err != nil {
		return nil, err
	}
	options, err := s.space.DatabaseOptions(ctx, cat, db)
	if err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	rows := [][]any{{"name", db}}
	if comment := options[catalog.CommentKey]; comment != "" {
		rows = append(rows, []any{"comment", comment})
	}
	if q.Extended {
		for _, k := range slices.Sorted(maps.Keys(options)) {
			if k != catalog.CommentKey {
				rows = append(rows, []any{k, mask.Value(k, options[k])})
			}
		}
	}
	return stringRows(describeInfo, rows), nil
}

func (s *Session) showCreateDatabase(ctx context.Context, q *ast.ShowCreate) (Result, error) {
	cat, db, err := s.database(q.Name)
	if err != nil {
		return nil, err
	}
	options, err := s.space.DatabaseOptions(ctx, cat, db)
	if err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	text := "CREATE DATABASE " + datatype.QuoteName(cat) + "." + datatype.QuoteName(db) + commentText(options[catalog.CommentKey])
	delete(options, catalog.CommentKey)
	return list("result", []string{text + optionsText(options)})
}

func commentText(comment string) string {
	if comment == "" {
		return ""
	}
	return "\nCOMMENT " + quoted(comment)
}

func (s *Session) alterDatabase(ctx context.Context, q *ast.Alter) (Result, error) {
	set, is := q.Action.(*ast.SetOptions)
	if !is {
		return nil, diag.Unsupported(q.Action.Position(), "this form of ALTER DATABASE")
	}
	cat, db, err := s.database(q.Name)
	if err != nil {
		return nil, err
	}
	return exists(diag.Wrap(q.Name.Pos, s.space.AlterDatabase(ctx, cat, db, optionMap(set.Options))), q.IfExists)
}

// alterCatalog changes how a catalog is opened. One that is kept outside is
// opened anew at once; the old one stays if that fails.
func (s *Session) alterCatalog(ctx context.Context, q *ast.Alter) (Result, error) {
	name := q.Name.Last()
	if _, err := s.space.Lookup(name); err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	options := maps.Clone(s.space.Options(name))
	if options == nil {
		options = map[string]string{}
	}
	switch a := q.Action.(type) {
	case *ast.SetComment:
		return exists(s.space.SetComment(name, a.Comment.Value), false)
	case *ast.SetOptions:
		for _, o := range a.Options {
			if o.Key == "type" && o.Value != options["type"] {
				return nil, diag.At(o.Pos, "the type of a catalog stays; CREATE CATALOG makes another one")
			}
			options[o.Key] = o.Value
		}
	case *ast.ResetOptions:
		if len(a.Options) == 0 {
			return nil, diag.At(a.Pos, "RESET () names no option")
		}
		for _, o := range a.Options {
			if o.Key == "type" {
				return nil, diag.At(o.Pos, "option 'type' cannot be reset")
			}
			delete(options, o.Key)
		}
	default:
		return nil, diag.Unsupported(q.Action.Position(), "this form of ALTER CATALOG")
	}
	var c catalog.Catalog
	if kind := options["type"]; kind != "" && kind != "generic_in_memory" {
		var err error
		if c, err = s.openCatalog(ctx, q.Pos, name, options); err != nil {
			return nil, err
		}
	}
	return exists(s.space.AlterCatalog(name, c, options), false)
}

// describeFunction answers DESCRIBE FUNCTION.
func (s *Session) describeFunction(q *ast.Describe) (Result, error) {
	name := strings.ToUpper(q.Name.Last())
	aggregate := s.functions.IsAggregate(name)
	table := s.functions.IsTable(name)
	if !s.functions.Has(name) {
		return nil, diag.At(q.Name.Pos, "no function %s", name)
	}
	class, created := s.created[name]
	user := created || s.goFunctions[name]
	rows := [][]any{{"is system function", truth(!user)}, {"is temporary", truth(user)}}
	if user {
		if !created {
			class = name
		}
		rows = append(rows, []any{"class name", class}, []any{"function language", "GO"})
	}
	if q.Extended {
		kind := "SCALAR"
		if aggregate {
			kind = "AGGREGATE"
		}
		if table {
			kind = "TABLE"
		}
		rows = append(rows, []any{"kind", kind}, []any{"is deterministic", truth(!s.functions.Volatile(name))}, []any{"signature", s.functions.Signature(name)})
	}
	return stringRows(describeInfo, rows), nil
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// analyze answers ANALYZE TABLE once it knows that the table and the columns
// are there.
func (s *Session) analyze(ctx context.Context, q *ast.Analyze) (Result, error) {
	t, err := s.table(ctx, q.Table)
	if err != nil {
		return nil, err
	}
	if t.View != nil {
		return nil, diag.At(q.Table.Pos, "%s is a view; ANALYZE takes a table", q.Table)
	}
	for _, c := range q.Columns {
		if !slices.ContainsFunc(t.Columns, func(o catalog.Column) bool { return o.Name == c.Name }) {
			return nil, diag.At(c.Pos, "table %s has no column %q", t.Ident.Name, c.Name)
		}
	}
	return &Done{Message: "OK: nothing was computed; statistics come from the metadata of the files when they are read"}, nil
}
