package sql

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/sql/diag"
	"github.com/wadi-engine/wadi/sql/logical"
)

// stringRows makes a record of strings; a nil is NULL, a bool a BOOLEAN column.
func stringRows(columns []string, rows [][]any) *Rows {
	fields := make([]arrow.Field, len(columns))
	for i, name := range columns {
		fields[i] = arrow.Field{Name: name, Type: arrow.BinaryTypes.StringView, Nullable: true}
		if len(rows) > 0 {
			if _, ok := rows[0][i].(bool); ok {
				fields[i].Type = arrow.FixedWidthTypes.Boolean
			}
		}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer b.Release()
	for _, r := range rows {
		for i, v := range r {
			switch v := v.(type) {
			case string:
				b.Field(i).(*array.StringViewBuilder).Append(v)
			case bool:
				b.Field(i).(*array.BooleanBuilder).Append(v)
			default:
				b.Field(i).AppendNull()
			}
		}
	}
	return &Rows{Record: b.NewRecordBatch()}
}

func list(column string, names []string) (Result, error) {
	rows := make([][]any, len(names))
	for i, n := range names {
		rows[i] = []any{n}
	}
	return stringRows([]string{column}, rows), nil
}

func (s *Session) configRows() (Result, error) {
	all := s.config.All()
	var rows [][]any
	for _, k := range slices.Sorted(maps.Keys(all)) {
		rows = append(rows, []any{k, mask.Value(k, all[k])})
	}
	return stringRows([]string{"key", "value"}, rows), nil
}

func (s *Session) show(ctx context.Context, stmt ast.Statement) (Result, error) {
	switch q := stmt.(type) {
	case *ast.Show:
		return s.showList(ctx, q)
	case *ast.ShowCreate:
		return s.showCreate(ctx, q)
	case *ast.Describe:
		return s.describe(ctx, q)
	}
	return nil, diag.Unsupported(stmt.Position(), kindOf(stmt))
}

func (s *Session) showList(ctx context.Context, q *ast.Show) (Result, error) {
	var names []string
	var err error
	column := strings.ToLower(strings.TrimSuffix(string(q.Kind), "S")) + " name"
	switch q.Kind {
	case ast.ShowCatalogs:
		names, err = s.space.Catalogs()
	case ast.ShowCurrentCatalog:
		return list("current catalog name", []string{s.space.Catalog})
	case ast.ShowCurrentDatabase:
		return list("current database name", []string{s.space.Database})
	case ast.ShowDatabases:
		names, err = s.databases(ctx, q.Name)
	case ast.ShowTables, ast.ShowViews:
		names, err = s.tableNames(ctx, q)
	case ast.ShowFunctions:
		names, column = lowered(s.functions.Names()), "function name"
	case ast.ShowUserFunctions:
		names, column = lowered(s.userFunctions()), "function name"
	case ast.ShowModules:
		names = []string{coreModule}
	case ast.ShowFullModules:
		return stringRows([]string{"module name", "used"}, [][]any{{coreModule, true}}), nil
	case ast.ShowProcedures:
		names, err = s.showProcedures(q)
	case ast.ShowJobs:
		return s.showJobs(), nil
	case ast.ShowPartitions:
		names, err = s.partitions(ctx, q)
	case ast.ShowColumns:
		return s.showColumns(ctx, q)
	case ast.ShowJars:
		column = "jars"
	default:
		return nil, elsewhere(q)
	}
	if err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	match, err := like(q.Like)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !match(n) })
	return list(column, names)
}

// lowered are names as Flink lists functions.
func lowered(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToLower(n)
	}
	return out
}

func (s *Session) databases(ctx context.Context, name ast.Name) ([]string, error) {
	cat := s.space.Catalog
	if !name.IsZero() {
		cat = name.Last()
	}
	c, err := s.space.Lookup(cat)
	if err != nil {
		return nil, err
	}
	return c.Databases(ctx)
}

// tableNames lists the tables of a database, or its views.
func (s *Session) tableNames(ctx context.Context, q *ast.Show) ([]string, error) {
	cat, db := s.space.Catalog, s.space.Database
	if !q.Name.IsZero() {
		var err error
		if cat, db, err = s.database(q.Name); err != nil {
			return nil, err
		}
	}
	names, err := s.space.Tables(ctx, cat, db)
	if err != nil || q.Kind == ast.ShowTables {
		return names, err
	}
	var views []string
	for _, n := range names {
		t, err := s.space.Table(ctx, job.Ident{Catalog: cat, Database: db, Name: n})
		if err != nil {
			return nil, err
		}
		if t.View != nil {
			views = append(views, n)
		}
	}
	return views, nil
}

// like compiles [NOT] LIKE 'pattern' of SHOW.
func like(l *ast.ShowLike) (func(string) bool, error) {
	if l == nil {
		return func(string) bool { return true }, nil
	}
	var b strings.Builder
	if l.IgnoreCase {
		b.WriteString("(?i)")
	}
	b.WriteString("^(?s)")
	escaped := false
	for _, r := range l.Pattern {
		switch {
		case escaped || r != '%' && r != '_' && r != '\\':
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		default:
			b.WriteString(".")
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	if err != nil {
		return nil, diag.At(l.Pos, "pattern %q: %s", l.Pattern, err)
	}
	return func(s string) bool { return re.MatchString(s) != l.Not }, nil
}

// table looks a table up by a name in a statement.
func (s *Session) table(ctx context.Context, name ast.Name) (*catalog.Table, error) {
	id, err := s.space.Ident(name.Parts)
	if err != nil {
		return nil, diag.Wrap(name.Pos, err)
	}
	t, err := s.space.Table(ctx, id)
	if catalog.IsNotFound(err) {
		return nil, diag.At(name.Pos, "no table %q", name.String())
	}
	return t, diag.Wrap(name.Pos, err)
}

// columnRows are the rows of DESCRIBE and SHOW COLUMNS.
func (s *Session) columnRows(ctx context.Context, t *catalog.Table) ([][]any, error) {
	node, err := s.binder().Query(ctx, &ast.TableQuery{Name: ast.NewName(t.Ident.Catalog, t.Ident.Database, t.Ident.Name)})
	var schema logical.Schema
	switch {
	case err == nil:
		schema = node.Schema()
	case t.View == nil && len(t.Columns) > 0: // the connector may not be there: show what was declared
		if schema, err = s.binder().Declared(ctx, t); err != nil {
			return nil, err
		}
	default:
		return nil, err
	}
	rows := make([][]any, len(schema))
	for i, c := range schema {
		text := c.Type.Text()
		switch c.Time {
		case logical.Rowtime:
			text += " *ROWTIME*"
		case logical.Proctime:
			text += " *PROCTIME*"
		case logical.NoTime:
		}
		rows[i] = []any{c.Name, text, c.Type.Nullable(), keyOf(t, c.Name), extras(t, c.Name), watermarkOf(t, c.Name)}
	}
	return rows, nil
}

// describedRows adds the comments, where a column has one.
func describedRows(t *catalog.Table, rows [][]any) *Rows {
	comments := map[string]any{}
	for _, c := range t.Columns {
		if c.Comment != "" {
			comments[c.Name] = c.Comment
		}
	}
	if len(comments) == 0 {
		return stringRows(describeColumns, rows)
	}
	for i, r := range rows {
		rows[i] = append(r, comments[r[0].(string)])
	}
	return stringRows(append(describeColumns[:len(describeColumns):len(describeColumns)], "comment"), rows)
}

var describeColumns = []string{"name", "type", "null", "key", "extras", "watermark"}

func keyOf(t *catalog.Table, name string) any {
	if !slices.Contains(t.PrimaryKey, name) {
		return nil
	}
	return "PRI(" + strings.Join(t.PrimaryKey, ", ") + ")"
}

func extras(t *catalog.Table, name string) any {
	for _, c := range t.Columns {
		if c.Name != name || t.View != nil {
			continue
		}
		switch c.Kind {
		case ast.ComputedColumn:
			return "AS " + ast.Layout(c.Expr)
		case ast.MetadataColumn:
			text := "METADATA"
			if c.MetadataKey != name {
				text += " FROM '" + c.MetadataKey + "'"
			}
			if c.Virtual {
				text += " VIRTUAL"
			}
			return text
		default:
		}
	}
	return nil
}

func watermarkOf(t *catalog.Table, name string) any {
	if t.Watermark == nil || t.Watermark.Column.String() != name {
		return nil
	}
	return ast.Layout(t.Watermark.Expr)
}

func (s *Session) describe(ctx context.Context, q *ast.Describe) (Result, error) {
	switch q.Object {
	case 0, ast.TableObject, ast.ViewObject:
	case ast.CatalogObject:
		return s.describeCatalog(q)
	case ast.DatabaseObject:
		return s.describeDatabase(ctx, q)
	case ast.FunctionObject:
		return s.describeFunction(q)
	case ast.JobObject:
		return s.describeJob(q)
	default:
		return nil, elsewhere(q)
	}
	t, err := s.table(ctx, q.Name)
	if err != nil {
		return nil, err
	}
	rows, err := s.columnRows(ctx, t)
	if err != nil {
		return nil, err
	}
	return describedRows(t, rows), nil
}

func (s *Session) describeCatalog(q *ast.Describe) (Result, error) {
	name := q.Name.Last()
	if _, err := s.space.Lookup(name); err != nil {
		return nil, diag.Wrap(q.Name.Pos, err)
	}
	options := s.space.Options(name)
	kind := options["type"]
	if kind == "" {
		kind = "generic_in_memory"
	}
	rows := [][]any{{"name", name}, {"type", kind}, {"comment", s.space.Comment(name)}}
	if !q.Extended {
		return stringRows([]string{"info name", "info value"}, rows), nil
	}
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if k != "type" {
			rows = append(rows, []any{"option:" + k, mask.Value(k, options[k])})
		}
	}
	return stringRows([]string{"info name", "info value"}, rows), nil
}

func (s *Session) showColumns(ctx context.Context, q *ast.Show) (Result, error) {
	t, err := s.table(ctx, q.Name)
	if err != nil {
		return nil, err
	}
	rows, err := s.columnRows(ctx, t)
	if err != nil {
		return nil, err
	}
	match, err := like(q.Like)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(r []any) bool { return !match(r[0].(string)) })
	return describedRows(t, rows), nil
}

func (s *Session) showCreate(ctx context.Context, q *ast.ShowCreate) (Result, error) {
	switch q.Object {
	case ast.TableObject, ast.ViewObject:
		t, err := s.table(ctx, q.Name)
		if err != nil {
			return nil, err
		}
		if (t.View != nil) != (q.Object == ast.ViewObject) {
			return nil, diag.At(q.Name.Pos, "%s is not a %s", q.Name, strings.ToLower(q.Object.String()))
		}
		return list("result", []string{createText(t)})
	case ast.CatalogObject:
		if _, err := s.space.Lookup(q.Name.Last()); err != nil {
			return nil, diag.Wrap(q.Name.Pos, err)
		}
		text := "CREATE CATALOG " + datatype.QuoteName(q.Name.Last()) + commentText(s.space.Comment(q.Name.Last())) + optionsText(s.space.Options(q.Name.Last()))
		return list("result", []string{text})
	case ast.DatabaseObject:
		return s.showCreateDatabase(ctx, q)
	default:
	}
	return nil, elsewhere(q)
}

// createText is the statement that makes a table.
func createText(t *catalog.Table) string {
	var b strings.Builder
	b.WriteString("CREATE ")
	if t.Temporary {
		b.WriteString("TEMPORARY ")
	}
	if t.View != nil {
		fmt.Fprintf(&b, "VIEW %s (", t.Ident)
		for i, c := range t.Columns {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n  " + datatype.QuoteName(c.Name))
		}
		return b.String() + "\n)" + commentText(t.Comment) + "\nAS " + ast.SQL(t.View.Query)
	}
	fmt.Fprintf(&b, "TABLE %s (", t.Ident)
	b.WriteString(strings.Join(definitions(t), ",") + "\n)")
	b.WriteString(commentText(t.Comment))
	if len(t.PartitionedBy) > 0 {
		names := make([]string, len(t.PartitionedBy))
		for i, p := range t.PartitionedBy {
			names[i] = datatype.QuoteName(p)
		}
		b.WriteString("\nPARTITIONED BY (" + strings.Join(names, ", ") + ")")
	}
	return b.String() + optionsText(t.Options)
}

func definitions(t *catalog.Table) []string {
	var out []string
	for _, c := range t.Columns {
		text := "\n  " + datatype.QuoteName(c.Name)
		if c.Kind == ast.ComputedColumn {
			text += " AS " + ast.Layout(c.Expr)
		} else {
			text += " " + strings.ReplaceAll(c.Type.String(), "STRING", "VARCHAR(2147483647)")
			if e := extras(t, c.Name); e != nil {
				text += " " + e.(string)
			}
		}
		if c.Comment != "" {
			text += " COMMENT " + quoted(c.Comment)
		}
		out = append(out, text)
	}
	if t.Watermark != nil {
		out = append(out, "\n  WATERMARK FOR "+datatype.QuoteName(t.Watermark.Column.String())+" AS "+ast.Layout(t.Watermark.Expr))
	}
	if len(t.PrimaryKey) > 0 {
		names := make([]string, len(t.PrimaryKey))
		for i, k := range t.PrimaryKey {
			names[i] = datatype.QuoteName(k)
		}
		name := t.KeyName
		if name == "" {
			name = "PK_" + strings.Join(t.PrimaryKey, "_") // Flink's
		}
		out = append(out, "\n  CONSTRAINT "+datatype.QuoteName(name)+" PRIMARY KEY ("+strings.Join(names, ", ")+") NOT ENFORCED")
	}
	return out
}

func optionsText(options map[string]string) string {
	if len(options) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nWITH (")
	for i, k := range slices.Sorted(maps.Keys(options)) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  " + quoted(k) + " = " + quoted(mask.Value(k, options[k])))
	}
	return b.String() + "\n)"
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
