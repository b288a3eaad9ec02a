package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/stream"
)

// risingwaveCases are the queries of the sqllogictest files below a folder, each
// with the statements before it: tables become in-memory changelogs, to which
// INSERT, DELETE and UPDATE append; materialized views become views; a query is
// a stream over all of it.
func risingwaveCases(folderName string) func(dir string) ([]Case, error) {
	return func(dir string) ([]Case, error) {
		root := filepath.Join(dir, "risingwave", "e2e_test", folderName)
		var out []Case
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".slt" {
				return err
			}
			records, err := readSLT(path, 0)
			if err != nil {
				return err
			}
			f := &sltFile{records: records}
			name, err := filepath.Rel(root, path)
			for i, r := range records {
				if r.kind == "query" && !r.fails() {
					out = append(out, Case{
						Name: fmt.Sprintf("%s#%d", name, i), SQL: fmt.Sprintf("%s\n-- %s:%d", r.sql, r.file, r.line), Skip: r.skip(),
						Run: func(ctx context.Context) error { return f.run(ctx, i) },
					})
				}
			}
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return out, err
	}
}

// sltFile is a file in the course of its records.
type sltFile struct {
	records []record
	at      int // records before it were carried out
	s       *session
	// keys are the primary keys of tables, and rows their rows by key: an INSERT
	// replaces the row of its key.
	keys map[string][]string
	rows map[string]map[string][]any
	// broken are the tables and views that could not be made, and why.
	broken map[string]error
	// closing are the views that show what is final: EMIT ON WINDOW CLOSE.
	closing map[string]bool
}

// run carries out the statements before record i, and then checks its query.
func (f *sltFile) run(ctx context.Context, i int) error {
	if f.s == nil || f.at > i {
		if f.s != nil {
			f.s.close()
		}
		w := newWorld()
		w.cut = 0
		var err error
		if f.s, err = newSession(w, false, 1, nil); err != nil {
			return err
		}
		f.at, f.broken, f.keys, f.rows, f.closing = 0, map[string]error{}, map[string][]string{}, map[string]map[string][]any{}, map[string]bool{}
	}
	for ; f.at < i; f.at++ {
		if r := f.records[f.at]; r.kind == "statement" && !r.fails() {
			f.statement(ctx, r.sql)
		}
	}
	r := f.records[i]
	got, err := f.answer(ctx, r.sql)
	if err != nil {
		for name, why := range f.broken {
			if names(r.sql, name) {
				return fmt.Errorf("%s: %w", name, why)
			}
		}
		return err
	}
	if err := samePostgres(got, r.rows); err != nil {
		for name, why := range f.broken {
			err = fmt.Errorf("%w\n%s: %w", err, name, why)
		}
		return err
	}
	return nil
}

// answer is the rows of a query. A query of a view that shows what is final is
// a job that has read all rows and goes on.
func (f *sltFile) answer(ctx context.Context, sql string) ([][]any, error) {
	for name := range f.closing {
		if !names(sql, name) {
			continue
		}
		if err := f.closed(ctx, name); err != nil {
			return nil, err
		}
		sql = regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(name)+`\b`).ReplaceAllString(sql, closedPrefix+name)
	}
	a, err := f.query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return a.rows()
}

const closedPrefix = "closed_"

// closed makes a table of what a view that shows what is final has shown when
// all rows are read and no input has ended.
func (f *sltFile) closed(ctx context.Context, view string) error {
	w := f.s.world
	w.phase, w.drained, w.sources, w.idle = 1, map[string]bool{}, map[string]bool{}, make(chan struct{})
	defer func() { w.phase = 2 }()
	query := "SELECT * FROM `" + view + "`"
	sink, err := f.s.declare(ctx, query)
	if err != nil {
		return err
	}
	if err := f.s.first(ctx, "INSERT INTO "+sink+" "+query); err != nil {
		return err
	}
	rows, err := final(w.changes(sink), nil, javaTexts)
	if err != nil {
		return err
	}
	types := w.types[sink]
	var columns []string
	for i, c := range f.s.env.Columns(view) {
		columns = append(columns, "`"+c+"` "+types[i].WithNull(true).String())
	}
	name := closedPrefix + view
	_ = f.s.define(ctx, "DROP TEMPORARY TABLE IF EXISTS `"+name+"`")
	f.table(ctx, name, strings.Join(columns, ", "))
	for _, r := range rows {
		f.add(name, stream.Insert, r)
	}
	return f.broken[name]
}

// query runs a query, where windows over a column without a watermark are plain columns.
func (f *sltFile) query(ctx context.Context, sql string) (*answer, error) {
	a, err := f.s.query(ctx, dialect(sql))
	if err != nil && strings.Contains(err.Error(), "needs a time attribute") {
		return f.s.query(ctx, plainDialect(sql))
	}
	return a, err
}

// namesClosing reports whether a query names a view that shows what is final.
func (f *sltFile) namesClosing(sql string) bool {
	for name := range f.closing {
		if names(sql, name) {
			return true
		}
	}
	return false
}

// names reports whether a statement has a word in it.
func names(sql, word string) bool {
	return regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `\b`).MatchString(sql)
}

var primaryKeyOf = regexp.MustCompile(`PRIMARY KEY \(([^)]*)\) NOT ENFORCED`)

var (
	createTable  = regexp.MustCompile(`(?is)^create\s+table\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?\s*\((.*)\)\s*((?:append\s+only|on\s+conflict|with|engine).*)?$`)
	tableAs      = regexp.MustCompile(`(?is)^create\s+table\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?(?:\s+append\s+only)?(?:\s+with\s*\([^()]*\))?\s+as\s+(.*)$`)
	createMV     = regexp.MustCompile(`(?is)^create\s+(?:or\s+replace\s+)?(?:materialized\s+)?view\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?\s*(\([^()]*\))?\s*(?:with\s*\([^()]*\)\s*)?as\s+(.*?)(\s+emit\s+on\s+window\s+close)?$`)
	insertInto   = regexp.MustCompile(`(?is)^insert\s+into\s+(\w+)\s*(\([^()]*\))?\s*((?:values|select|with).*)$`)
	deleteFrom   = regexp.MustCompile(`(?is)^delete\s+from\s+(\w+)(\s+where\s+.*)?$`)
	updateTable  = regexp.MustCompile(`(?is)^update\s+(\w+)\s+set\s+(.*?)(\s+where\s+.*)?$`)
	dropAnything = regexp.MustCompile(`(?is)^drop\s+(?:table|materialized\s+view|view)\s+(?:if\s+exists\s+)?(\w+)`)
)

// statement carries out a statement, if it is one that counts here.
func (f *sltFile) statement(ctx context.Context, sql string) {
	switch {
	case tableAs.MatchString(sql):
		m := tableAs.FindStringSubmatch(sql)
		f.tableAs(ctx, strings.ToLower(m[1]), m[2])
	case createTable.MatchString(sql):
		m := createTable.FindStringSubmatch(sql)
		f.table(ctx, strings.ToLower(m[1]), tableColumns(m[2]))
	case createMV.MatchString(sql):
		m := createMV.FindStringSubmatch(sql)
		f.view(ctx, strings.ToLower(m[1]), m[2], m[3], m[4] != "")
	case insertInto.MatchString(sql):
		m := insertInto.FindStringSubmatch(sql)
		f.note(m[1], f.insert(ctx, strings.ToLower(m[1]), m[2], m[3]))
	case deleteFrom.MatchString(sql):
		m := deleteFrom.FindStringSubmatch(sql)
		f.note(m[1], f.append(ctx, m[1], stream.Delete, "SELECT * FROM `"+m[1]+"` "+dialect(m[2])))
	case updateTable.MatchString(sql):
		m := updateTable.FindStringSubmatch(sql)
		f.note(m[1], f.update(ctx, m[1], m[2], m[3]))
	case dropAnything.MatchString(sql):
		name := dropAnything.FindStringSubmatch(sql)[1]
		_ = f.s.define(ctx, "DROP TEMPORARY VIEW IF EXISTS `"+name+"`")
		_ = f.s.define(ctx, "DROP TEMPORARY TABLE IF EXISTS `"+name+"`")
		delete(f.broken, name)
	}
}

// table makes a table of no rows.
func (f *sltFile) table(ctx context.Context, name, columns string) {
	delete(f.broken, name)
	f.s.world.tables[name] = &table{}
	f.rows[name], f.keys[name] = map[string][]any{}, nil
	if k := primaryKeyOf.FindStringSubmatch(columns); k != nil {
		f.keys[name] = split(k[1])
	}
	ddl := fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s')", name, columns, connectorName)
	if err := f.s.define(ctx, ddl); err != nil {
		f.broken[name] = fmt.Errorf("%w\n%s", err, ddl)
	}
}

// tableAs makes a table of the rows of a query.
func (f *sltFile) tableAs(ctx context.Context, name, query string) {
	a, err := f.query(ctx, query)
	if err != nil {
		f.broken[name] = err
		return
	}
	columns := make([]string, len(a.names))
	for i, n := range a.names {
		columns[i] = "`" + n + "` " + a.types[i].WithNull(true).String()
	}
	f.table(ctx, name, strings.Join(columns, ", "))
	for _, c := range a.changes {
		f.add(name, c.kind, c.row)
	}
}

// view makes a view of a materialized view.
func (f *sltFile) view(ctx context.Context, name, columns, query string, closing bool) {
	delete(f.broken, name)
	if delete(f.closing, name); closing || f.namesClosing(query) {
		f.closing[name] = true
	}
	if columns != "" {
		columns = " " + statementOf(quotedNames(tokens(columns)))
	}
	err := f.s.define(ctx, fmt.Sprintf("CREATE TEMPORARY VIEW `%s`%s AS %s", name, columns, dialect(query)))
	if err != nil && strings.Contains(err.Error(), "needs a time attribute") {
		err = f.s.define(ctx, fmt.Sprintf("CREATE TEMPORARY VIEW `%s`%s AS %s", name, columns, plainDialect(query)))
	}
	if err != nil {
		f.broken[name] = err
	}
}

func (f *sltFile) note(table string, err error) {
	if err != nil && f.broken[table] == nil {
		f.broken[table] = err
	}
}

// insert adds the rows of an INSERT; their texts are read in the table's types.
func (f *sltFile) insert(ctx context.Context, name, columns, query string) error {
	all := f.s.env.Columns(name)
	given := all
	if columns = strings.Trim(strings.TrimSpace(columns), "()"); columns != "" {
		given = split(columns)
	}
	a, err := f.s.query(ctx, sameLiterals(dialect(query)))
	if err != nil {
		return err
	}
	rows, err := a.rows()
	for _, r := range rows {
		row := make([]any, len(all))
		for i, v := range r {
			if i < len(given) {
				if at := slices.IndexFunc(all, func(n string) bool { return strings.EqualFold(n, strings.Trim(given[i], "\"` ")) }); at >= 0 {
					row[at] = v
				}
			}
		}
		f.add(name, stream.Insert, row)
	}
	return err
}

// append adds the rows of a query to a table's changelog.
func (f *sltFile) append(ctx context.Context, name string, kind stream.RowKind, query string) error {
	a, err := f.s.query(ctx, query)
	if err != nil {
		return err
	}
	rows, err := a.rows()
	for _, r := range rows {
		f.add(name, kind, r)
	}
	return err
}

func (f *sltFile) update(ctx context.Context, name, set, where string) error {
	columns := f.s.env.Columns(name)
	exprs := make([]string, len(columns))
	for i, c := range columns {
		exprs[i] = "`" + c + "`"
		for _, assignment := range split(set) {
			if to, e, ok := strings.Cut(assignment, "="); ok && strings.EqualFold(strings.Trim(to, "\" "), c) {
				exprs[i] = dialect(e)
			}
		}
	}
	from := " FROM `" + name + "` " + dialect(where)
	old, err := f.s.query(ctx, "SELECT *"+from)
	if err != nil {
		return err
	}
	fresh, err := f.s.query(ctx, "SELECT "+strings.Join(exprs, ", ")+from)
	if err != nil {
		return err
	}
	before, err := old.rows()
	if err != nil {
		return err
	}
	after, err := fresh.rows()
	for _, r := range before {
		f.add(name, stream.UpdateBefore, r)
	}
	for _, r := range after {
		f.add(name, stream.UpdateAfter, r)
	}
	return err
}

func (f *sltFile) add(name string, kind stream.RowKind, row []any) {
	values := make([]any, len(row))
	for i, v := range row {
		values[i] = jsonOf(v)
	}
	t := f.s.world.tables[name]
	if t == nil {
		return
	}
	if keys := f.keys[name]; len(keys) > 0 {
		key := f.keyText(name, values)
		old, there := f.rows[name][key]
		switch {
		case kind.Retracts():
			delete(f.rows[name], key)
		case there:
			t.rows = append(t.rows, change{kind: stream.UpdateBefore, row: old})
			kind = stream.UpdateAfter
			fallthrough
		default:
			f.rows[name][key] = values
		}
	}
	t.rows = append(t.rows, change{kind: kind, row: values})
}

// keyText is the primary key of a row.
func (f *sltFile) keyText(name string, row []any) string {
	columns := f.s.env.Columns(name)
	var out []string
	for _, k := range f.keys[name] {
		if i := slices.Index(columns, strings.Trim(k, "` ")); i >= 0 && i < len(row) {
			out = append(out, plain(row[i]))
		}
	}
	return strings.Join(out, "\x00")
}

// jsonOf is a cell as the corpora write it, to be fed again.
func jsonOf(v any) any {
	switch v := v.(type) {
	case int64, float32, float64, decimalCell:
		return json.Number(javaText(v))
	case bytesCell:
		return string(v)
	case timestampCell:
		return time.Time(v).Format("2006-01-02T15:04:05.999999999")
	case instantCell:
		return time.Time(v).UTC().Format("2006-01-02T15:04:05.999999999")
	case timeCell:
		return time.Time{}.Add(time.Duration(v)).Format("15:04:05.999999999")
	case dateCell:
		return string(v)
	case monthsCell:
		return json.Number(fmt.Sprint(int64(v)))
	case millisCell:
		return json.Number(fmt.Sprint(int64(v)))
	case listCell:
		return jsonList(v)
	case rowCell:
		return map[string]any{"$row": jsonList(v)}
	}
	return v
}

func jsonList(list []any) []any {
	out := make([]any, len(list))
	for i, x := range list {
		out[i] = jsonOf(x)
	}
	return out
}

// samePostgres compares rows with lines as PostgreSQL prints them.
func samePostgres(rows [][]any, want []string) error {
	shown := make([][]any, len(rows))
	for i, r := range rows {
		shown[i] = make([]any, len(r))
		for k, v := range r {
			shown[i][k] = postgres(v)
		}
	}
	return sameLines(shown, want)
}

// postgres is a cell as PostgreSQL prints it; numbers stay numbers.
func postgres(v any) any {
	switch v := v.(type) {
	case bool:
		return map[bool]string{true: "t", false: "f"}[v]
	case timestampCell:
		return time.Time(v).Format("2006-01-02 15:04:05.999999")
	case instantCell:
		return time.Time(v).UTC().Format("2006-01-02 15:04:05.999999-07:00")
	case timeCell:
		return time.Time{}.Add(time.Duration(v)).Format("15:04:05.999999")
	case millisCell:
		if v >= 0 {
			return fmt.Sprintf("%02d", v/3_600_000) + time.UnixMilli(int64(v)).UTC().Format(":04:05.999")
		}
	case bytesCell:
		return fmt.Sprintf(`\x%x`, []byte(v))
	case string:
		if v == "" {
			return "(empty)"
		}
	case listCell:
		parts := make([]string, len(v))
		for i, x := range v {
			if parts[i] = "NULL"; x != nil {
				parts[i] = strings.TrimSuffix(fmt.Sprint(postgres(x)), ".0")
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	case rowCell:
		parts := make([]string, len(v))
		for i, x := range v {
			if x != nil {
				parts[i] = fmt.Sprint(postgres(x))
			}
		}
		return "(" + strings.Join(parts, ",") + ")"
	}
	return v
}

// postgresTypes are Flink's names of PostgreSQL's types.
var postgresTypes = []struct{ from, to string }{
	{"timestamp with time zone", "TIMESTAMP_LTZ(6)"},
	{"timestamp without time zone", "TIMESTAMP(6)"},
	{"timestamptz", "TIMESTAMP_LTZ(6)"},
	{"character varying", "STRING"},
	{"double precision", "DOUBLE"},
	{"varchar", "STRING"},
	{"text", "STRING"},
	{"integer", "INT"},
	{"int8", "BIGINT"},
	{"int4", "INT"},
	{"int2", "SMALLINT"},
	{"int", "INT"},
	{"float8", "DOUBLE"},
	{"float4", "FLOAT"},
	{"real", "FLOAT"},
	{"float", "DOUBLE"},
	{"double", "DOUBLE"},
	{"numeric", "DECIMAL(28, 10)"},
	{"decimal", "DECIMAL(28, 10)"},
	{"bool", "BOOLEAN"},
	{"dec", "DECIMAL(28, 10)"},
	{"bytea", "BYTES"},
	{"timestamp", "TIMESTAMP(6)"},
	{"interval", "INTERVAL DAY TO SECOND"},
	{"jsonb", "STRING"},
}

// flinkType is a type of PostgreSQL in Flink's words.
func flinkType(t string) string {
	t = strings.TrimSpace(t)
	if elem, ok := strings.CutSuffix(t, "[]"); ok {
		return "ARRAY<" + flinkType(elem) + ">"
	}
	for _, p := range postgresTypes {
		if strings.EqualFold(t, p.from) {
			return p.to
		}
	}
	return t
}

// tableColumns changes the columns of a CREATE TABLE.
func tableColumns(text string) string {
	var columns, keys []string
	for _, ts := range items(tokens(text)) {
		switch {
		case at(ts, 0) == "primary" && at(ts, 1) == "key":
			keys = append(keys, strings.Trim(statementOf(quotedNames(ts[2:])), "()"))
			continue
		case at(ts, 0) == "watermark":
			columns = append(columns, strings.TrimSuffix(statementOf(quotedNames(intervals(castSigns(ts)))), " with ttl"))
			continue
		}
		column := "`" + strings.Trim(at(ts, 0), "`") + "` "
		typ, i := typeAt(ts, 1)
		for ; i < len(ts); i++ {
			switch at(ts, i) + " " + at(ts, i+1) {
			case "primary key":
				keys = append(keys, strings.TrimSpace(column))
			case "not null":
				typ += " NOT NULL"
			}
			if at(ts, i) == "as" {
				typ = "AS " + statementOf(quotedNames(castWords(castSigns(ts[i+1:]))))
				break
			}
		}
		columns = append(columns, column+typ)
	}
	if len(keys) > 0 {
		columns = append(columns, "PRIMARY KEY ("+strings.Join(keys, ", ")+") NOT ENFORCED")
	}
	return strings.Join(columns, ", ")
}
