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
						Name: fmt.Sprintf("%s#%d", name, i), SQL: fmt.Sprintf("%s\n-- %s:%d", r.sql, r.file, r.line),
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
		f.at, f.broken, f.keys, f.rows = 0, map[string]error{}, map[string][]string{}, map[string]map[string][]any{}
	}
	for ; f.at < i; f.at++ {
		if r := f.records[f.at]; r.kind == "statement" && !r.fails() {
			f.statement(ctx, r.sql)
		}
	}
	r := f.records[i]
	a, err := f.s.query(ctx, dialect(r.sql))
	if err != nil {
		for name, why := range f.broken {
			if regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(r.sql) {
				return fmt.Errorf("%s: %w", name, why)
			}
		}
		return err
	}
	got, err := a.rows()
	if err != nil {
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

var primaryKeyOf = regexp.MustCompile(`PRIMARY KEY \(([^)]*)\) NOT ENFORCED`)

var (
	createTable  = regexp.MustCompile(`(?is)^create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)\s*\((.*)\)\s*(append only|on conflict.*|with.*)?$`)
	createMV     = regexp.MustCompile(`(?is)^create\s+(?:materialized\s+)?view\s+(?:if\s+not\s+exists\s+)?(\w+)\s+as\s+(.*?)(\s+emit\s+on\s+window\s+close)?$`)
	insertInto   = regexp.MustCompile(`(?is)^insert\s+into\s+(\w+)\s*(\([^()]*\))?\s*((?:values|select|with).*)$`)
	deleteFrom   = regexp.MustCompile(`(?is)^delete\s+from\s+(\w+)(\s+where\s+.*)?$`)
	updateTable  = regexp.MustCompile(`(?is)^update\s+(\w+)\s+set\s+(.*?)(\s+where\s+.*)?$`)
	dropAnything = regexp.MustCompile(`(?is)^drop\s+(?:table|materialized\s+view|view)\s+(?:if\s+exists\s+)?(\w+)`)
)

// statement carries out a statement, if it is one that counts here.
func (f *sltFile) statement(ctx context.Context, sql string) {
	w := f.s.world
	switch {
	case createTable.MatchString(sql):
		m := createTable.FindStringSubmatch(sql)
		delete(f.broken, m[1])
		w.tables[m[1]] = &table{}
		f.rows[m[1]], f.keys[m[1]] = map[string][]any{}, nil
		if k := primaryKeyOf.FindStringSubmatch(tableColumns(m[2])); k != nil {
			f.keys[m[1]] = split(k[1])
		}
		ddl := fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s')", m[1], tableColumns(m[2]), connectorName)
		if err := f.s.define(ctx, ddl); err != nil {
			f.broken[m[1]] = fmt.Errorf("%w\n%s", err, ddl)
		}
	case createMV.MatchString(sql):
		m := createMV.FindStringSubmatch(sql)
		delete(f.broken, m[1])
		if err := f.s.define(ctx, fmt.Sprintf("CREATE TEMPORARY VIEW `%s` AS %s", m[1], dialect(m[2]))); err != nil {
			f.broken[m[1]] = err
		}
	case insertInto.MatchString(sql):
		m := insertInto.FindStringSubmatch(sql)
		f.note(m[1], f.insert(ctx, m[1], m[2], m[3]))
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
	a, err := f.s.query(ctx, dialect(query))
	if err != nil {
		return err
	}
	for _, c := range a.changes {
		row := make([]any, len(all))
		for i, v := range c.row {
			if i < len(given) {
				if at := slices.IndexFunc(all, func(n string) bool { return strings.EqualFold(n, strings.Trim(given[i], "\"` ")) }); at >= 0 {
					row[at] = v
				}
			}
		}
		f.add(name, stream.Insert, row)
	}
	return nil
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
	for _, c := range old.changes {
		f.add(name, stream.UpdateBefore, c.row)
	}
	for _, c := range fresh.changes {
		f.add(name, stream.UpdateAfter, c.row)
	}
	return nil
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
	for _, c := range split(text) {
		lower := strings.ToLower(c)
		switch {
		case strings.HasPrefix(lower, "primary key"):
			keys = append(keys, strings.Trim(strings.TrimSpace(c[len("primary key"):]), "()"))
			continue
		case strings.HasPrefix(lower, "watermark"):
			columns = append(columns, dialect(strings.TrimSuffix(c, " WITH TTL")))
			continue
		}
		name, typ, _ := strings.Cut(strings.TrimSpace(c), " ")
		if i := strings.Index(strings.ToLower(typ), "primary key"); i >= 0 {
			typ = typ[:i]
			keys = append(keys, name)
		}
		typ = regexp.MustCompile(`(?i)\s+default\s+.*$`).ReplaceAllString(typ, "")
		null := ""
		if i := strings.Index(strings.ToLower(typ), "not null"); i >= 0 {
			typ, null = typ[:i], " NOT NULL"
		}
		columns = append(columns, "`"+strings.Trim(name, `"`)+"` "+flinkType(typ)+null)
	}
	if len(keys) > 0 {
		columns = append(columns, "PRIMARY KEY ("+strings.Join(keys, ", ")+") NOT ENFORCED")
	}
	return strings.Join(columns, ", ")
}

var (
	castSuffix   = regexp.MustCompile(`('(?:[^']|'')*'|\b[\w.]+\([^()]*\)|\b[\w.]+)::([a-zA-Z]\w*(?: with time zone| without time zone| precision)?(?:\[\])?)`)
	intervalText = regexp.MustCompile(`(?i)interval\s+'(-?[\d.]+)\s*(second|minute|hour|day|week|month|year|sec|min)s?'`)
	windowCall   = regexp.MustCompile(`(?i)\b(tumble|hop)\s*\(\s*(\w+)\s*,\s*(\w+)\s*,`)
	doubleQuoted = regexp.MustCompile(`"(\w+)"`)
)

// dialect changes what can be changed mechanically from PostgreSQL to Flink.
func dialect(sql string) string {
	for range 4 {
		sql = castSuffix.ReplaceAllStringFunc(sql, func(m string) string {
			x := castSuffix.FindStringSubmatch(m)
			return "CAST(" + x[1] + " AS " + flinkType(x[2]) + ")"
		})
	}
	sql = intervalText.ReplaceAllStringFunc(sql, func(m string) string {
		x := intervalText.FindStringSubmatch(m)
		unit := map[string]string{"SEC": "SECOND", "MIN": "MINUTE"}[strings.ToUpper(x[2])]
		if unit == "" {
			unit = strings.ToUpper(x[2])
		}
		return "INTERVAL '" + x[1] + "' " + unit
	})
	sql = windowCall.ReplaceAllString(sql, "TABLE($1(TABLE $2, DESCRIPTOR($3),")
	if windows := strings.Count(sql, "DESCRIPTOR("); windows > 0 {
		sql = closeWindows(sql)
	}
	sql = average(sql)
	sql = doubleQuoted.ReplaceAllString(sql, "`$1`")
	sql = regexp.MustCompile(`(?i)\bstring_agg\(`).ReplaceAllString(sql, "LISTAGG(")
	sql = regexp.MustCompile(`(?i)\bemit\s+on\s+window\s+close\b`).ReplaceAllString(sql, "")
	return strings.TrimSpace(sql)
}

var avgCall = regexp.MustCompile(`(?i)\bavg\((distinct\s+)?`)

// average makes AVG a fraction, as it is in PostgreSQL also of integers.
func average(sql string) string {
	at := 0
	for {
		m := avgCall.FindStringSubmatchIndex(sql[at:])
		if m == nil {
			return sql
		}
		from := at + m[1]
		depth, to := 1, from
		for ; to < len(sql) && depth > 0; to++ {
			switch sql[to] {
			case '(':
				depth++
			case ')':
				depth--
			}
		}
		if depth > 0 {
			return sql
		}
		sql = sql[:from] + "CAST(" + sql[from:to-1] + " AS DECIMAL(28, 10))" + sql[to-1:]
		at = from
	}
}

// closeWindows adds the parenthesis of TABLE( behind each window call.
func closeWindows(sql string) string {
	var out strings.Builder
	depth := 0
	var open []int
	for i := range len(sql) {
		out.WriteByte(sql[i])
		switch sql[i] {
		case '(':
			depth++
			if strings.HasPrefix(sql[i+1:], "TABLE ") {
				open = append(open, depth)
			}
		case ')':
			if n := len(open); n > 0 && open[n-1] == depth {
				open = slices.Delete(open, n-1, n)
				out.WriteByte(')')
				depth--
			}
			depth--
		}
	}
	return out.String()
}
