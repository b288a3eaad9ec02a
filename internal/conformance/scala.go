package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/parse"
)

// scalaRow is a row of a Scala test: {"$row": […], "kind": "+U"} or {"$tuple": […]}.
type scalaRow struct {
	Row   []any  `json:"$row"`
	Tuple []any  `json:"$tuple"`
	Kind  string `json:"kind"`
}

func (r *scalaRow) values() []any {
	if r.Row != nil {
		return r.Row
	}
	return r.Tuple
}

// scalaRows reads rows; a value that is no row is a row of one.
func scalaRows(raw json.RawMessage) ([]change, error) {
	var list []json.RawMessage
	if err := decode(raw, &list); err != nil {
		return nil, err
	}
	out := make([]change, len(list))
	for i, text := range list {
		var r scalaRow
		if text[0] == '{' && decode(text, &r) == nil && r.values() != nil {
			out[i] = change{kind: kindOf[r.Kind], row: r.values()}
			continue
		}
		var v any
		if err := decode(text, &v); err != nil {
			return nil, err
		}
		out[i] = change{row: []any{v}}
	}
	return out, nil
}

// scalaData is the rows behind a data-id.
type scalaData struct {
	Ref   string          `json:"ref"`
	Rows  json.RawMessage `json:"rows"`
	Error string          `json:"error"`
}

// scalaView is a table that a streaming test makes of a collection.
type scalaView struct {
	Name      string          `json:"name"`
	Data      string          `json:"data"`
	Watermark string          `json:"watermark"`
	Columns   string          `json:"columns"`
	Rows      json.RawMessage `json:"rows"`
}

type scalaWorld struct {
	Data  map[string]scalaData `json:"data"`
	Views []scalaView          `json:"views"`
	DDL   []string             `json:"ddl"`
}

// streamCase is a test of flink_scala_itcases/stream.
type streamCase struct {
	scalaWorld
	ID       string           `json:"id"`
	SQL      []string         `json:"sql"`
	Expected map[string][]any `json:"expected"`
	Sink     []string         `json:"sink"`
	Config   []string         `json:"config"`
	UDF      bool             `json:"udf"`
	Complete bool             `json:"complete"`

	before scalaWorld
}

func scalaStreamCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "flink_scala_itcases", "stream", "*.json") {
		var suite struct {
			Before scalaWorld        `json:"before"`
			Cases  []json.RawMessage `json:"cases"`
		}
		if err := readJSON(path, &suite); err != nil {
			return nil, err
		}
		for _, raw := range suite.Cases {
			var head struct {
				ID       string `json:"id"`
				Complete bool   `json:"complete"`
			}
			if err := decode(raw, &head); err != nil {
				return nil, err
			}
			if !head.Complete {
				out = append(out, Case{Name: head.ID, Skip: incomplete})
				continue
			}
			c := streamCase{before: suite.Before}
			if err := decode(raw, &c); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, head.ID, err)
			}
			out = append(out, Case{Name: c.ID, SQL: c.describe(), Skip: c.lacks(), Run: c.run})
		}
	}
	return out, nil
}

// lacks says which table the case reads whose rows the corpus does not have, or
// which class of the tests it calls.
func (c *streamCase) lacks() string {
	for _, sql := range c.SQL {
		if m := tableFunction.FindStringSubmatch(sql); m != nil {
			return "Java class: the table function " + m[1]
		}
	}
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		if name := lacking(sw.DDL, sw.Data, c.SQL...); name != "" {
			return noRows + name
		}
	}
	return ""
}

// tableFunction is a call of a function that gives a table: the tests register
// their own.
var tableFunction = regexp.MustCompile(`(?i)\bLATERAL\s+TABLE\s*\(\s*(\w+)`)

const noRows = "the corpus has no rows of table "

// lacking is a table among those declared that statements name and whose rows
// are not there.
func lacking(ddl []string, data map[string]scalaData, sqls ...string) string {
	for _, d := range ddl {
		name, id := tableName.FindStringSubmatch(d), dataID.FindStringSubmatch(d)
		if name == nil || id == nil {
			continue
		}
		if x, ok := data[id[1]]; ok && len(x.Rows) > 0 && string(x.Rows) != "null" {
			continue
		}
		for _, sql := range sqls {
			if regexp.MustCompile(`(?i)\b` + name[1] + `\b`).MatchString(sql) {
				return name[1]
			}
		}
	}
	return ""
}

var tableName = regexp.MustCompile("(?i)^\\s*create\\s+(?:temporary\\s+)?table\\s+`?(\\w+)`?")

// incomplete is why cases are left out whose values the corpus does not have:
// the Scala code that makes them could not be read without running it.
const incomplete = "the corpus has no complete input or result for it (complete: false)"

// compact is JSON on one line.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

func (c *streamCase) describe() string {
	var b strings.Builder
	for _, w := range []scalaWorld{c.before, c.scalaWorld} {
		for _, d := range w.DDL {
			b.WriteString(d + ";\n")
		}
		for _, v := range w.Views {
			fmt.Fprintf(&b, "-- view %s (%s) %s %s\n", v.Name, v.Columns, v.Watermark, compact(v.Rows))
		}
		for id, d := range w.Data {
			fmt.Fprintf(&b, "-- %s = %s\n", id, compact(d.Rows))
		}
	}
	return b.String() + strings.Join(c.SQL, ";\n") + fmt.Sprintf("\n-- sink %v config %v", c.Sink, c.Config)
}

var dataID = regexp.MustCompile(`'data-id'\s*=\s*'\$\{?(\w+)\}?'`)

// run runs the case over sources of which the first fails in the middle.
func (c *streamCase) run(ctx context.Context) error {
	w := newWorld()
	w.fail = true
	config := map[string]string{}
	for _, text := range c.Config {
		if k, v, ok := scalaConfig(text); ok {
			config[k] = v
		}
	}
	if c.periodic() {
		config["pipeline.auto-watermark-interval"] = "200 ms"
	}
	if err := c.data(w); err != nil {
		return err
	}
	s, err := newSession(w, false, 1, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := c.define(ctx, s); err != nil {
		return err
	}
	return c.statements(ctx, s)
}

// periodic reports a view whose watermarks Flink makes from time to time, not
// with each row.
func (c *streamCase) periodic() bool {
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for _, v := range sw.Views {
			if strings.Contains(v.Watermark, "RowtimeExtractor") {
				return true
			}
		}
	}
	return false
}

// data fills the tables.
func (c *streamCase) data(w *world) error {
	for _, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for id, d := range sw.Data {
			if string(d.Rows) == "null" || d.Rows == nil {
				continue // of another case
			}
			rows, err := scalaRows(d.Rows)
			if err != nil {
				return err
			}
			w.tables[id] = &table{rows: rows}
		}
		for _, d := range sw.DDL {
			w.metadata = append(w.metadata, metadataKeys(optionOf(d, "readable-metadata"))...)
		}
	}
	return nil
}

// optionOf is the value of an option in the text of a CREATE TABLE.
func optionOf(ddl, key string) string {
	m := regexp.MustCompile(`'` + regexp.QuoteMeta(key) + `'\s*=\s*'([^']*)'`).FindStringSubmatch(ddl)
	if m == nil {
		return ""
	}
	return m[1]
}

// define declares tables and views. Of those before all cases, what cannot be
// declared may be of another case.
func (c *streamCase) define(ctx context.Context, s *session) error {
	for i, sw := range []scalaWorld{c.before, c.scalaWorld} {
		for _, v := range sw.Views {
			if err := s.view(ctx, &v); err != nil && i > 0 {
				return err
			}
		}
		for _, d := range sw.DDL {
			if isInsert(d) {
				continue
			}
			if err := s.define(ctx, scalaDDL(d)); err != nil && i > 0 {
				return fmt.Errorf("%w\n%s", err, d)
			}
		}
	}
	return nil
}

func isInsert(sql string) bool {
	return strings.HasPrefix(strings.ToUpper(strings.TrimSpace(sql)), "INSERT")
}

// scalaDDL names the connector and the data as the runner does.
func scalaDDL(ddl string) string {
	return dataID.ReplaceAllString(testConnector(ddl), "'data-id' = '$1'")
}

var valuesConnector = regexp.MustCompile(`'connector'\s*=\s*'values'`)

// testConnector replaces the connector of Flink's tests by the runner's.
func testConnector(ddl string) string {
	return valuesConnector.ReplaceAllString(ddl, "'connector' = '"+connectorName+"'")
}

// view declares a collection as a table. A column with .rowtime is the event
// time, which the extractor takes from a column of the collection.
func (s *session) view(ctx context.Context, v *scalaView) error {
	rows, err := scalaRows(v.Rows)
	if err != nil {
		return fmt.Errorf("view %s: %w", v.Name, err)
	}
	if len(rows) > 0 { // what follows in the corpus is of another variable of the test
		width := len(rows[0].row)
		rows = slices.DeleteFunc(rows, func(c change) bool { return len(c.row) != width })
	}
	var names []string
	for _, m := range columnName.FindAllStringSubmatch(v.Columns, -1) {
		names = append(names, m[1])
	}
	var cols []string
	types := inferTypes(rows)
	for i, name := range names {
		base, kind, _ := strings.Cut(name, ".")
		switch {
		case strings.HasPrefix(kind, "proctime"):
			cols = append(cols, "`"+base+"` AS PROCTIME()")
		case strings.HasPrefix(kind, "rowtime"):
			source, delay := rowtimeOf(v.Watermark, i, len(rows[0].row))
			if source == i { // the column itself is the time
				cols = append(cols, "`"+base+"` TIMESTAMP(3)")
			} else {
				for r := range rows {
					rows[r].row = slices.Insert(slices.Clone(rows[r].row), i, rows[r].row[source])
				}
				cols = append(cols, "`"+base+"` TIMESTAMP(3)")
			}
			cols = append(cols, fmt.Sprintf("WATERMARK FOR `%s` AS `%s` - INTERVAL '%s' SECOND", base, base, delay))
		case i < len(types):
			cols = append(cols, "`"+base+"` "+types[i])
		}
	}
	id := "view " + v.Name
	if err := s.define(ctx, "DROP TEMPORARY TABLE IF EXISTS `"+v.Name+"`"); err != nil {
		return err
	}
	s.world.tables[id] = &table{rows: rows}
	return s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s', 'data-id' = '%s')", v.Name, strings.Join(cols, ", "), connectorName, id))
}

// columnName finds the names in 'a, 'b.rowtime and in "a", "b".
var columnName = regexp.MustCompile(`['"](\w+(?:\.\w+)?)`)

// rowtimeOf is the column that a test's timestamp extractor reads, and how far
// its watermark stays behind, in seconds.
func rowtimeOf(extractor string, column, width int) (source int, delay string) {
	switch {
	case strings.Contains(extractor, "RowtimeExtractor"): // (Int, Long, String): the second
		return 1, "0.001"
	case strings.Contains(extractor, "TimestampAndWatermarkWithOffset"):
		return 0, "0.01"
	case column < width:
		return column, "0.001"
	}
	return width - 1, "0.001"
}

// scalaConfig reads "ExecutionConfigOptions.KEY, value".
func scalaConfig(text string) (key, value string, ok bool) {
	name, value, _ := strings.Cut(text, ", ")
	name = name[strings.LastIndex(name, ".")+1:]
	if strings.Contains(text, `"`) {
		name = strings.Trim(strings.SplitN(text, ", ", 2)[0], `"`)
		return name, strings.Trim(value, `"`), strings.Contains(name, ".")
	}
	key, ok = scalaKeys[name]
	value = strings.TrimSuffix(value[strings.Index(value, "(")+1:], ")")
	switch {
	case strings.Contains(text, "ofMillis"):
		value += " ms"
	case strings.Contains(text, "ofSeconds"):
		value += " s"
	}
	return key, value, ok
}

// scalaKeys are the configuration keys behind the names that change answers;
// others only steer the plan.
var scalaKeys = map[string]string{"TABLE_EXEC_EMIT_ALLOW_LATENESS": "table.exec.emit.allow-lateness"}

// statements runs the statements that have an expectation: INSERTs into their
// tables, and the last query.
func (c *streamCase) statements(ctx context.Context, s *session) error {
	var sinks []string
	views := map[string]string{}
	for i, sql := range c.SQL {
		stmt, err := parse.Statement(sql)
		if err != nil {
			return err
		}
		switch stmt := stmt.(type) {
		case *ast.Insert:
			name := stmt.Table.Parts[len(stmt.Table.Parts)-1]
			if len(s.env.Columns(name)) == 0 { // a sink that the test makes in Scala
				name, err = s.into(ctx, ast.SQL(stmt.Query))
			} else {
				err = s.insert(ctx, sql)
			}
			if err != nil {
				return err
			}
			sinks = append(sinks, name)
		case ast.Query:
			if i+1 < len(c.SQL) {
				views[sql] = ""
				continue
			}
			name, err := s.into(ctx, sql)
			if err != nil {
				return err
			}
			sinks = append(sinks, name)
		default:
			if err := s.define(ctx, scalaDDL(sql)); err != nil {
				return err
			}
		}
	}
	for _, d := range c.DDL {
		if isInsert(d) && !slices.Contains(c.SQL, d) {
			if err := s.insert(ctx, d); err != nil {
				return err
			}
			if stmt, err := parse.Statement(d); err == nil {
				parts := stmt.(*ast.Insert).Table.Parts
				sinks = append(sinks, parts[len(parts)-1])
			}
		}
	}
	if len(sinks) == 0 {
		return errors.New("the case writes nowhere")
	}
	return c.compare(s, sinks[len(sinks)-1])
}

// compare compares a sink with one of the lists that the case expects.
func (c *streamCase) compare(s *session, sink string) error {
	got := s.world.changes(sink)
	var firstErr error
	for _, name := range slices.Sorted(maps.Keys(c.Expected)) {
		want := make([]string, len(c.Expected[name]))
		for i, v := range c.Expected[name] {
			want[i] = scalaText(v)
		}
		err := c.compareList(s, sink, got, want)
		if err == nil {
			return nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return firstErr
}

func (c *streamCase) compareList(s *session, sink string, got []change, want []string) error {
	raw := len(c.Sink) > 0 && c.Sink[0] == "getRawResultsAsStrings"
	if raw && (sameTexts(kindTexts(got), want, false) == nil || sameTexts(kindTuples(got), want, false) == nil) {
		return nil
	}
	rows, err := final(got, s.keyOf(sink), javaTexts)
	if err != nil {
		return err
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = strings.Join(javaEach(r), ",")
		switch {
		case len(want) > 0 && strings.HasPrefix(want[0], "+I["):
			texts[i] = "+I[" + javaTexts(r) + "]"
		case len(want) > 0 && strings.HasPrefix(want[0], "+I("):
			texts[i] = "+I(" + texts[i] + ")"
		}
	}
	if sameTexts(texts, want, false) == nil {
		return nil
	}
	for i, r := range rows {
		texts[i] = strings.Join(javaEach(flat(r)), ",")
	}
	return sameTexts(texts, want, false)
}

// kindTuples are changes as the sinks of the planner's tests print them: +I(1,a).
func kindTuples(changes []change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.kind.String() + "(" + strings.Join(javaEach(c.row), ",") + ")"
	}
	return out
}

// flat is a row with the fields of nested rows in their place, as some sinks of
// the tests print them.
func flat(row []any) []any {
	var out []any
	for _, v := range row {
		if nested, ok := v.(rowCell); ok {
			out = append(out, flat(nested)...)
			continue
		}
		out = append(out, v)
	}
	return out
}

// scalaText is an expected row, whose values may stand in a list.
func scalaText(v any) string {
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, x := range list {
			parts[i] = plain(x)
		}
		return strings.Join(parts, ",")
	}
	return plain(v)
}

func javaEach(row []any) []string {
	out := make([]string, len(row))
	for i, v := range row {
		out[i] = javaText(v)
	}
	return out
}

// keyOf are the positions of the primary key of a table.
func (s *session) keyOf(name string) []int { return s.world.keys[name] }

// batchCase is a test of flink_scala_itcases/batch.
type batchCase struct {
	ID       string               `json:"id"`
	SQL      string               `json:"sql"`
	Tables   []batchTable         `json:"tables"`
	DDL      []string             `json:"ddl"`
	DataIDs  map[string]scalaData `json:"data_ids"`
	Expected json.RawMessage      `json:"expected"`
	Size     *int                 `json:"expected_size"`
	Ordered  bool                 `json:"ordered"`
	Complete bool                 `json:"complete"`

	before []batchTable
	types  map[string]string
}

// batchTable is a table of a collection, or tables by DDL.
type batchTable struct {
	Table   string               `json:"table"`
	Columns string               `json:"columns"`
	TypeRef string               `json:"type_ref"`
	Rows    json.RawMessage      `json:"rows"`
	DDL     []string             `json:"ddl"`
	DataIDs map[string]scalaData `json:"data_ids"`
}

func scalaBatchCases(dir string) ([]Case, error) {
	var types map[string]string
	if err := readJSON(filepath.Join(dir, "flink_scala_itcases", "row_types.json"), &types); err != nil {
		return nil, nil //nolint:nilerr // The set is not there.
	}
	var out []Case
	for _, path := range files(dir, "flink_scala_itcases", "batch", "*.json") {
		var suite struct {
			Before []batchTable `json:"before_tables"`
			Cases  []batchCase  `json:"cases"`
		}
		if err := readJSON(path, &suite); err != nil {
			return nil, err
		}
		for _, c := range suite.Cases {
			c.before, c.types = suite.Before, types
			name := folder(path) + "." + c.ID[strings.Index(c.ID, ".")+1:]
			if !c.Complete {
				out = append(out, Case{Name: name, Skip: incomplete})
				continue
			}
			x := Case{Name: name, SQL: c.describe(), Run: c.run}
			for _, t := range append(slices.Clone(c.before), batchTable{DDL: c.DDL, DataIDs: c.DataIDs}) {
				if table := lacking(t.DDL, t.DataIDs, c.SQL); table != "" {
					x.Skip = noRows + table
				}
			}
			out = append(out, x)
		}
	}
	return out, nil
}

func (c *batchCase) describe() string {
	var b strings.Builder
	for _, t := range c.before {
		b.WriteString(strings.Join(t.DDL, ";\n"))
	}
	for _, t := range append(slices.Clone(c.before), c.Tables...) {
		if t.Table != "" && regexp.MustCompile(`\b`+t.Table+`\b`).MatchString(c.SQL) {
			fmt.Fprintf(&b, "-- %s (%s) %s %s\n", t.Table, t.Columns, t.TypeRef, compact(t.Rows))
		}
	}
	return b.String() + strings.Join(c.DDL, ";\n") + "\n" + c.SQL
}

func (c *batchCase) run(ctx context.Context) error {
	w := newWorld()
	w.cut = 0
	s, err := newSession(w, true, 1, nil)
	if err != nil {
		return err
	}
	defer s.close()
	for i, list := range [][]batchTable{c.before, c.Tables, {{DDL: c.DDL, DataIDs: c.DataIDs}}} {
		for _, t := range list {
			if err := c.table(ctx, s, &t); err != nil && i > 0 {
				return err
			}
		}
	}
	a, err := s.query(ctx, c.SQL)
	if throws[c.ID] {
		if err == nil {
			return errors.New("gave rows, but Flink fails")
		}
		return unsupported(err)
	}
	if err != nil {
		return err
	}
	got, err := a.rows()
	if err != nil {
		return err
	}
	if c.Size != nil {
		if len(got) != *c.Size {
			return fmt.Errorf("%d rows, want %d", len(got), *c.Size)
		}
		return nil
	}
	rows, err := scalaRows(c.Expected)
	if err != nil {
		return err
	}
	want := make([][]any, len(rows))
	for i, r := range rows {
		want[i] = r.row
	}
	return sameRows(got, want, c.Ordered)
}

// throws are the tests that want an error, which their Scala code says and the
// corpus does not.
var throws = map[string]bool{
	"CalcITCase.testInvalidFields#0": true, "GroupWindowITCase.testNullValueInputTimestamp#0": true,
	"GroupWindowITCase.testNullValueInputTimestamp#1": true, "GroupWindowITCase.testNullValueInputTimestamp#2": true,
	"ScalarQueryITCase.testScalarSubQueryException#0": true,
}

// table declares a table with its rows.
func (c *batchCase) table(ctx context.Context, s *session, t *batchTable) error {
	for id, d := range t.DataIDs {
		if d.Rows == nil || string(d.Rows) == "null" {
			continue
		}
		rows, err := scalaRows(d.Rows)
		if err != nil {
			return err
		}
		s.world.tables[id] = &table{rows: rows}
	}
	for _, d := range t.DDL {
		if err := s.define(ctx, scalaDDL(d)); err != nil {
			return fmt.Errorf("%w\n%s", err, d)
		}
	}
	if t.Table == "" {
		return nil
	}
	rows, err := scalaRows(t.Rows)
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Table, err)
	}
	names := strings.Split(t.Columns, ",")
	types := rowTypes(t.TypeRef, c.types)
	if len(types) != len(names) {
		types = inferTypes(rows)
	}
	if len(types) != len(names) {
		return fmt.Errorf("table %s: %d columns of %d types (%s)", t.Table, len(names), len(types), t.TypeRef)
	}
	cols := make([]string, len(names))
	for i, n := range names {
		cols[i] = "`" + strings.Trim(n, " '`") + "` " + types[i]
	}
	s.world.tables[t.Table] = &table{rows: rows}
	return s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE `%s` (%s) WITH ('connector' = '%s')", t.Table, strings.Join(cols, ", "), connectorName))
}
