package conformance

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// functionCase is one case of Flink's tests of built-in functions: a row of
// columns f0, f1, …, expressions over them, and their results or an error.
type functionCase struct {
	ID          string   `json:"id"`
	SQL         string   `json:"sql"`
	Config      string   `json:"config"`
	Data        []any    `json:"data"`
	DataTypes   []string `json:"data_types"`
	Result      []any    `json:"result"`
	ResultTypes []string `json:"result_types"`
	Validation  any      `json:"validation_error"`
	Runtime     any      `json:"runtime_error"`
	RuntimeType any      `json:"runtime_error_class"`
	UDFs        []string `json:"udfs"`
}

func functionCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "flink_functions", "*.jsonl") {
		cases, err := readLines[functionCase](path)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			x := Case{Name: c.ID, SQL: c.describe(), Run: c.run}
			if len(c.UDFs) > 0 {
				x.Skip = "Java classes: " + strings.Join(c.UDFs, ", ")
			}
			out = append(out, x)
		}
	}
	return out, nil
}

func (c *functionCase) describe() string {
	text := "SELECT " + c.SQL
	for i, v := range c.Data {
		if used(c.SQL, i) {
			t := "?"
			if i < len(c.DataTypes) {
				t = c.DataTypes[i]
			}
			value, err := json.Marshal(v)
			if err != nil {
				value = fmt.Append(nil, v)
			}
			text += fmt.Sprintf("\n-- f%d %s = %s", i, t, value)
		}
	}
	if c.Config != "" {
		text += "\n-- " + c.Config
	}
	return text
}

// used reports whether an expression reads column f<i>.
func used(sql string, i int) bool {
	return regexp.MustCompile(fmt.Sprintf(`\bf%d\b`, i)).MatchString(sql)
}

// config reads {key=value, …}.
func config(text string) map[string]string {
	out := map[string]string{}
	for _, kv := range strings.Split(strings.Trim(text, "{}"), ",") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			out[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return out
}

func (c *functionCase) run(ctx context.Context) error {
	a, err := c.answer(ctx)
	if c.Validation != nil || c.Runtime != nil || c.RuntimeType != nil {
		if err == nil {
			return fmt.Errorf("gave %s, but Flink fails: %v%v%v", javaTexts(a.changes[0].row), c.Validation, c.Runtime, c.RuntimeType)
		}
		return unsupported(err)
	}
	if err != nil {
		return err
	}
	if len(a.changes) != 1 || len(a.changes[0].row) != len(c.Result) {
		return fmt.Errorf("gave %d rows of %d columns", len(a.changes), len(a.types))
	}
	for i, got := range a.changes[0].row {
		if !sameCell(got, c.Result[i]) {
			return differ([]string{javaText(got)}, jsonTexts([][]any{{c.Result[i]}}))
		}
		want, err := datatype.Parse(c.ResultTypes[i])
		if err != nil {
			return fmt.Errorf("result type %s: %w", c.ResultTypes[i], err)
		}
		if got := a.types[i]; !got.WithNull(true).Same(want.WithNull(true)) && !(got.IsString() && want.IsString()) {
			return fmt.Errorf("type %s, want %s", got, want)
		}
	}
	return nil
}

// unsupported is the error of a case that must fail, when it failed because
// something is not there.
func unsupported(err error) error {
	for _, sign := range []string{"not supported yet", "there is no function", "PANIC"} {
		if strings.Contains(err.Error(), sign) {
			return err
		}
	}
	return nil
}

// answer computes the expressions over a table of one row.
func (c *functionCase) answer(ctx context.Context) (*answer, error) {
	w := newWorld()
	var cols []string
	row := change{kind: stream.Insert}
	for i, v := range c.Data {
		if !used(c.SQL, i) {
			continue
		}
		t, err := c.typeOf(i)
		if err != nil {
			return nil, err
		}
		cols = append(cols, fmt.Sprintf("f%d %s", i, t))
		if dt, err := datatype.Parse(t); err == nil {
			v = fitted(v, dt, config(c.Config)["table.local-time-zone"])
		}
		row.row = append(row.row, v)
	}
	if cols == nil {
		cols, row.row = []string{"unused INT"}, []any{json.Number("0")}
	}
	w.tables["t"] = &table{rows: []change{row}}
	s, err := newSession(w, true, 1, config(c.Config))
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE t (%s) WITH ('connector' = 'flink-test-values')", strings.Join(cols, ", "))); err != nil {
		return nil, err
	}
	a, err := s.query(ctx, "SELECT "+c.SQL+" FROM t")
	if err == nil && len(a.changes) == 0 {
		err = errors.New("no rows")
	}
	return a, err
}

// fitted pads and cuts a value as a CAST to its column's type does, which
// Flink's tests apply to their rows: a TIME has no fraction, and a point in time
// without a zone is in the session's.
func fitted(v any, t datatype.Type, zone string) any {
	if v == nil {
		return nil
	}
	switch key, x := tag(v); t.Kind {
	case datatype.Char:
		return fmt.Sprintf("%-*s", t.Length, plain(v))
	case datatype.Binary:
		if raw, err := bytesOf(v); err == nil && len(raw) < t.Length {
			raw = append(raw, make([]byte, t.Length-len(raw))...)
			return map[string]any{"$base64": base64.StdEncoding.EncodeToString(raw)}
		}
	case datatype.Time, datatype.Timestamp, datatype.TimestampLTZ:
		text, ok := x.(string)
		whole, digits, cut := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
		precision := t.Precision
		if t.Kind == datatype.Time {
			precision = 0
		}
		if ok && cut && len(digits) > precision {
			text = strings.TrimSuffix(whole+"."+digits[:precision], ".")
			v = map[string]any{key: text}
		}
		if loc, err := time.LoadLocation(zone); t.Kind == datatype.TimestampLTZ && key == "$LocalDateTime" && err == nil {
			if at, err := timeOf(v); err == nil {
				local := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), loc)
				return map[string]any{"$Instant": local.UTC().Format("2006-01-02T15:04:05.999999999")}
			}
		}
	case datatype.Array:
		if list, ok := v.([]any); ok {
			out := make([]any, len(list))
			for i, e := range list {
				out[i] = fitted(e, *t.Elem, zone)
			}
			return out
		}
	default:
	}
	return v
}

// typeOf is the type of a column, guessed as Flink does where none is given.
func (c *functionCase) typeOf(i int) (string, error) {
	if i < len(c.DataTypes) && c.DataTypes[i] != "" {
		return c.DataTypes[i], nil
	}
	key, v := tag(c.Data[i])
	switch v := v.(type) {
	case bool:
		return "BOOLEAN NOT NULL", nil
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "DOUBLE NOT NULL", nil
		}
		return "INT NOT NULL", nil
	case string:
		return map[string]string{
			"$LocalDate": "DATE", "$LocalDateTime": "TIMESTAMP(9)", "$Instant": "TIMESTAMP_LTZ(9)", "$LocalTime": "TIME", "": "STRING",
			"$decimal": "DECIMAL(38, 18)",
		}[key] + " NOT NULL", nil
	}
	return "", fmt.Errorf("column f%d has no type", i)
}

// aggregateCase is one case of Flink's tests of aggregate functions.
type aggregateCase struct {
	ID         string       `json:"id"`
	Source     string       `json:"source_table"`
	SourceType string       `json:"source_type"`
	SourceRows []jsonRow    `json:"source_rows"`
	SQL        string       `json:"sql"`
	ResultType string       `json:"result_type"`
	Rows       []jsonRow    `json:"rows"`
	Runtime    any          `json:"runtime_error"`
	Validation any          `json:"validation_error"`
	Config     configOrText `json:"config"`
}

// jsonRow is a row with its kind.
type jsonRow struct {
	Kind   string `json:"kind"`
	Fields []any  `json:"fields"`
	Str    string `json:"str"`
}

// configOrText is a text, or an object of keys and values.
type configOrText map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (c *configOrText) UnmarshalJSON(text []byte) error {
	var s string
	if json.Unmarshal(text, &s) == nil {
		*c = config(s)
		return nil
	}
	return json.Unmarshal(text, (*map[string]string)(c))
}

var kindOf = map[string]stream.RowKind{
	"": stream.Insert, "+I": stream.Insert, "-U": stream.UpdateBefore, "+U": stream.UpdateAfter, "-D": stream.Delete,
}

func changesFrom(rows []jsonRow) []change {
	out := make([]change, len(rows))
	for i, r := range rows {
		out[i] = change{kind: kindOf[r.Kind], row: r.Fields}
	}
	return out
}

func aggregateCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "flink_agg_functions", "*.jsonl") {
		cases, err := readLines[aggregateCase](path)
		if err != nil {
			return nil, err
		}
		seen := map[string]int{}
		for _, c := range cases {
			name := c.ID
			if seen[c.ID]++; seen[c.ID] > 1 {
				name = fmt.Sprintf("%s-%d", c.ID, seen[c.ID])
			}
			rows, err := json.Marshal(c.SourceRows)
			if err != nil {
				return nil, err
			}
			out = append(out, Case{Name: name, SQL: fmt.Sprintf("%s\n-- %s %s %s", c.SQL, c.Source, c.SourceType, rows), Run: c.run})
		}
	}
	return out, nil
}

// run feeds the changelog row by row, and then as a whole.
func (c *aggregateCase) run(ctx context.Context) error {
	for _, cut := range []int{1, 0} {
		if err := c.cut(ctx, cut); err != nil {
			return fmt.Errorf("in batches of %d (0: all): %w", cut, err)
		}
	}
	return nil
}

func (c *aggregateCase) cut(ctx context.Context, cut int) error {
	w := newWorld()
	w.cut = cut
	w.tables[c.Source] = &table{rows: changesFrom(c.SourceRows)}
	s, err := newSession(w, false, 1, c.Config)
	if err != nil {
		return err
	}
	defer s.close()
	cols := strings.TrimSuffix(strings.TrimPrefix(c.SourceType, "ROW<"), ">")
	if err := s.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = 'flink-test-values')", c.Source, cols)); err != nil {
		return err
	}
	a, err := s.query(ctx, c.SQL)
	if c.Runtime != nil || c.Validation != nil {
		if err == nil {
			return fmt.Errorf("gave rows, but Flink fails: %v%v", c.Runtime, c.Validation)
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
	want := make([][]any, 0, len(c.Rows))
	rows, err := final(changesFrom(c.Rows), nil, func(r []any) string { return strings.Join(jsonTexts([][]any{r}), "") })
	if err != nil {
		return err
	}
	for _, r := range rows {
		want = append(want, held(r, a.types))
	}
	return sameRows(got, want, false)
}

// held are values as columns of these types hold them: Java's tests keep digits of
// a TIMESTAMP(6) behind the sixth.
func held(row []any, types []datatype.Type) []any {
	out := slices.Clone(row)
	for i, v := range out {
		if v == nil || i >= len(types) || !types[i].IsTimestamp() {
			continue
		}
		if at, err := timeOf(v); err == nil {
			unit := time.Second
			for range types[i].Precision {
				unit /= 10
			}
			out[i] = at.Truncate(max(unit, 1)).Format("2006-01-02T15:04:05.999999999")
		}
	}
	return out
}

// folder is the name of a file without its folder and extension.
func folder(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}
