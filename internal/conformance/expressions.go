package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/stream"
)

// expressionSuite is one file of flink_expressions: a row, and expressions with
// the text of their value, as CAST to STRING gives it, or an error.
type expressionSuite struct {
	Values map[string]string `json:"row_values_scala_literals"`
	Types  map[string]string `json:"row_types"`
	Cases  []expressionCase  `json:"cases"`
}

type expressionCase struct {
	ID       string  `json:"id"`
	SQL      string  `json:"sql"`
	Expected *string `json:"expected"`
	Error    *string `json:"expected_error"`
}

func expressionCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range files(dir, "flink_expressions", "*.json") {
		var suite expressionSuite
		if err := readJSON(path, &suite); err != nil {
			return nil, err
		}
		// A suite of validation tests has only expressions that must be refused.
		fails := strings.HasSuffix(folder(path), "ValidationTest")
		for _, c := range suite.Cases {
			x := Case{Name: c.ID, SQL: suite.describe(&c), Run: func(ctx context.Context) error { return suite.run(ctx, &c, fails) }}
			for i := range len(suite.Values) {
				if used(c.SQL, i) && strings.Contains(suite.Types[fmt.Sprintf("f%d", i)], "RAW(") || used(c.SQL, i) && strings.Contains(suite.Types[fmt.Sprintf("f%d", i)], "GenericTypeInfo") {
					x.Skip = "Java class of a column: " + suite.Types[fmt.Sprintf("f%d", i)]
				}
			}
			out = append(out, x)
		}
	}
	return out, nil
}

func (s *expressionSuite) describe(c *expressionCase) string {
	text := "SELECT " + c.SQL
	for i := range len(s.Values) {
		if name := fmt.Sprintf("f%d", i); used(c.SQL, i) {
			text += fmt.Sprintf("\n-- %s %s = %s", name, s.Types[name], s.Values[name])
		}
	}
	return text
}

func (s *expressionSuite) run(ctx context.Context, c *expressionCase, fails bool) error {
	got, err := s.answer(ctx, c)
	if fails || c.Error != nil {
		if err == nil {
			return fmt.Errorf("gave %s, but Flink fails", got)
		}
		return unsupported(err)
	}
	if err != nil {
		return err
	}
	if got != *c.Expected {
		return fmt.Errorf("gave %s, want %s", got, *c.Expected)
	}
	return nil
}

// answer is the text of the expression's value.
func (s *expressionSuite) answer(ctx context.Context, c *expressionCase) (string, error) {
	w := newWorld()
	var cols []string
	row := change{kind: stream.Insert}
	for i := range len(s.Values) {
		name := fmt.Sprintf("f%d", i)
		column := name
		if x, ok := renamed[s.Values[name]]; ok {
			column = x
		}
		if !used(c.SQL, i) && column == name {
			continue
		}
		v, err := scalaValue(s.Values[name], s.Types[name])
		if err != nil {
			return "", err
		}
		cols = append(cols, "`"+column+"` "+v.sql)
		row.row = append(row.row, v.json)
	}
	if cols == nil {
		cols, row.row = []string{"unused INT"}, []any{json.Number("0")}
	}
	w.tables["testTable"] = &table{rows: []change{row}}
	session, err := newSession(w, true, 1, nil)
	if err != nil {
		return "", err
	}
	defer session.close()
	if err := session.define(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE testTable (%s) WITH ('connector' = 'flink-test-values')", strings.Join(cols, ", "))); err != nil {
		return "", err
	}
	query := "SELECT CAST(x AS STRING) FROM (SELECT " + c.SQL + " FROM testTable) AS t(x)"
	if strings.HasSuffix(c.SQL, ".*") {
		query = "SELECT " + c.SQL + " FROM testTable"
	}
	a, err := session.query(ctx, query)
	if err != nil {
		return "", err
	}
	if len(a.changes) != 1 {
		return "", fmt.Errorf("%d rows", len(a.changes))
	}
	if v := a.changes[0].row[0]; v != nil {
		return javaText(v), nil
	}
	return "NULL", nil
}

// renamed are the columns of LiteralTest that have names of their own.
var renamed = map[string]string{`"trUeX_value"`: "trUeX", `"FALSE_A_value"`: "FALSE_A", `"FALSE_AB_value"`: "FALSE_AB"}

// typedValue is a value with the SQL type of its column.
type typedValue struct {
	sql  string
	json any
}

var errLiteral = errors.New("a Scala literal that the runner cannot read")

// scalaValue reads a literal of Scala, such as 42.toByte, for a column whose
// type is an expression of Scala.
func scalaValue(text, typ string) (typedValue, error) {
	if v, ok := scalaValues[text]; ok {
		return v, nil
	}
	t, err := scalaType(typ)
	if text == "null" {
		return typedValue{sql: t}, err
	}
	v, guess := scalaLiteral(text)
	if v == nil {
		return typedValue{}, fmt.Errorf("%w: %s of %s", errLiteral, text, typ)
	}
	if err != nil || strings.Count(typ, "(") != strings.Count(typ, ")") {
		t = guess
	}
	if t == "" {
		return typedValue{}, fmt.Errorf("%w: type %s", errLiteral, typ)
	}
	// A decimal that does not fit is NULL, as Flink's converter makes it.
	if dt, err := datatype.Parse(t); err == nil && dt.Kind == datatype.Decimal && tooLong(plain(v), dt) {
		v = nil
	}
	return typedValue{sql: t, json: v}, nil
}

// tooLong reports whether a number has more digits before its point than t.
func tooLong(number string, t datatype.Type) bool {
	if strings.ContainsAny(number, "eE") {
		return false
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(number, "-0"), ".")
	return len(whole) > t.Precision-t.Scale
}

// inside is the text between prefix and the last of suffix, if text has them.
func inside(text, prefix, suffix string) (string, bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return "", false
	}
	i := strings.LastIndex(rest, suffix)
	if i < 0 {
		return rest, true
	}
	return rest[:i], true
}

// scalaLiteral is the value of a literal, and the type that it suggests.
func scalaLiteral(text string) (any, string) {
	for _, form := range []struct{ prefix, suffix, tag, typ string }{
		{`BigDecimal("1E38").bigDecimal.subtract`, "", "38", ""},
		{`BigDecimal("`, `")`, "$decimal", "DECIMAL(38, 18)"},
		{`DecimalDataUtils.castFrom("`, `", `, "$decimal", ""},
		{`localDate("`, `")`, "$LocalDate", "DATE"},
		{`localTime("`, `")`, "$LocalTime", "TIME"},
		{`DateTimeTestUtil.localTime("`, `")`, "$LocalTime", "TIME"},
		{`localDateTime("`, `"`, "$LocalDateTime", "TIMESTAMP(9)"},
		{`Duration.ofDays(`, `)`, "days", "INTERVAL DAY TO SECOND"},
		{`Instant.ofEpochMilli(`, `L)`, "number", "TIMESTAMP_LTZ(9)"},
		{`new Integer(`, `)`, "number", "TINYINT"},
	} {
		in, ok := inside(text, form.prefix, form.suffix)
		if !ok {
			continue
		}
		switch form.tag {
		case "38":
			return strings.Repeat("9", 38), "DECIMAL(38, 0)"
		case "days":
			return map[string]any{"$Duration": "P" + in + "D"}, form.typ
		case "number":
			return json.Number(in), form.typ
		case "$decimal":
			in, _, _ = strings.Cut(in, `"`)
			if form.typ == "" {
				_, args, _ := strings.Cut(text, `", `)
				args, _, _ = strings.Cut(args, ")")
				return map[string]any{form.tag: in}, "DECIMAL(" + args + ")"
			}
		}
		return map[string]any{form.tag: strings.TrimSuffix(in, `"`)}, form.typ
	}
	return scalaPlain(text)
}

func scalaPlain(text string) (any, string) {
	if in, ok := inside(text, `"`, `".getBytes`); ok && strings.Contains(text, "getBytes") {
		return in, "BYTES"
	}
	if in, ok := inside(text, `"`, `"`); ok {
		return in, "STRING"
	}
	if text == "true" || text == "false" {
		return text == "true", "BOOLEAN"
	}
	for _, form := range []struct{ suffix, typ string }{
		{".toByte", "TINYINT"},
		{".toShort", "SMALLINT"},
		{".toLong", "BIGINT"},
		{".toFloat", "FLOAT"},
		{": Byte", "TINYINT"},
		{": Short", "SMALLINT"},
		{"L", "BIGINT"},
		{"f", "FLOAT"},
		{"d", "DOUBLE"},
		{"", "INT"},
	} {
		number, ok := strings.CutSuffix(text, form.suffix)
		if !ok || strings.Trim(number, "-0123456789.eE") != "" || number == "" {
			continue
		}
		if strings.HasPrefix(form.typ, "TINY") || form.typ == "SMALLINT" || form.typ == "BIGINT" {
			number, _, _ = strings.Cut(number, ".")
		}
		if form.typ == "INT" && strings.Contains(number, ".") {
			return json.Number(number), "DOUBLE"
		}
		return json.Number(number), form.typ
	}
	return nil, ""
}

// scalaValues are the values of the suites that need classes or variables.
var scalaValues = func() map[string]typedValue {
	n := func(s string) any { return json.Number(s) }
	mine := "ROW<intField INT, stringField STRING, booleanField BOOLEAN>"
	pojo := "ROW<myInt INT, myString STRING>"
	bob, timo, alice := []any{n("42"), "Bob", true}, []any{n("25"), "Timo", false}, []any{n("42"), "Alice", true}
	hello := []any{n("0"), "Hello"}
	row := []any{n("2"), "foo", true}
	ints := func(s ...string) []any {
		out := make([]any, len(s))
		for i, x := range s {
			if x != "" {
				out[i] = n(x)
			}
		}
		return out
	}
	pairs := func(kv ...any) any {
		out := []any{}
		for i := 0; i < len(kv); i += 2 {
			out = append(out, []any{kv[i], kv[i+1]})
		}
		return map[string]any{"$map": out}
	}
	date := func(s string) any { return map[string]any{"$LocalDate": s} }
	return map[string]typedValue{
		`MyCaseClass(42, "Bob", booleanField = true)`:                 {mine, bob},
		`MyCaseClass2(MyCaseClass(25, "Timo", booleanField = false))`: {"ROW<objectField " + mine + ">", []any{timo}},
		`("a", "b")`: {"ROW<_1 STRING, _2 STRING>", []any{"a", "b"}},
		`new org.apache.flink.api.java.tuple.Tuple2[String, String]("a", "b")`: {"ROW<f0 STRING, f1 STRING>", []any{"a", "b"}},
		`new MyPojo()`:       {pojo, hello},
		`MyCaseClass2(null)`: {"ROW<objectField " + mine + ">", []any{nil}},
		`Tuple1(true)`:       {"ROW<_1 BOOLEAN>", []any{true}},
		`Array(Tuple2(true, 23), Tuple2(false, 12))`:         {"ARRAY<ROW<_1 BOOLEAN, _2 INT>>", []any{[]any{true, n("23")}, []any{false, n("12")}}},
		`Array(Tuple1(true), null)`:                          {"ARRAY<ROW<_1 BOOLEAN>>", []any{[]any{true}, nil}},
		`Array(MyCaseClass(42, "Bob", booleanField = true))`: {"ARRAY<" + mine + ">", []any{bob}},
		`Array(new MyPojo(), null)`:                          {"ARRAY<" + pojo + ">", []any{hello, nil}},
		`Array(MyCaseClass3(Array(MyCaseClass(42, "Alice", booleanField = true))))`: {
			"ARRAY<ROW<arrayField ARRAY<" + mine + ">>>", []any{[]any{[]any{alice}}},
		},
		`Array(MyCaseClass2(MyCaseClass(42, "Bob", booleanField = true)))`: {"ARRAY<ROW<objectField " + mine + ">>", []any{[]any{bob}}},

		`Array(1, 2, 3)`: {"ARRAY<INT NOT NULL>", ints("1", "2", "3")},
		`Array(localDate("1984-03-12"), localDate("1984-02-10"))`: {"ARRAY<DATE>", []any{date("1984-03-12"), date("1984-02-10")}},
		`Array(Array(1, 2, 3), null)`:                             {"ARRAY<ARRAY<INT NOT NULL>>", []any{ints("1", "2", "3"), nil}},
		`Array[Integer](1, null, null, 4)`:                        {"ARRAY<INT>", ints("1", "", "", "4")},
		`Array(1, 2, 3, 4)`:                                       {"ARRAY<INT NOT NULL>", ints("1", "2", "3", "4")},
		`Array(4.0)`:                                              {"ARRAY<DOUBLE NOT NULL>", ints("4.0")},
		`Array[Integer](1)`:                                       {"ARRAY<INT>", ints("1")},
		`Array[Integer]()`:                                        {"ARRAY<INT>", []any{}},
		`Array(1.2, 1.3)`:                                         {"ARRAY<DOUBLE NOT NULL>", ints("1.2", "1.3")},
		`Array("hello", "world")`:                                 {"ARRAY<STRING>", []any{"hello", "world"}},
		`Array[Byte](1, 2, 3, 4)`:                                 {"BYTES", "\x01\x02\x03\x04"},

		`new JHashMap[String, Int]()`:       {"MAP<STRING, INT>", pairs()},
		`map1`:                              {"MAP<STRING, INT>", pairs("a", n("12"), "b", n("13"))},
		`map2`:                              {"MAP<INT, STRING>", pairs(n("12"), "a", n("13"), "b")},
		`map3`:                              {"MAP<BIGINT, INT>", pairs(n("1"), n("2"))},
		`map4`:                              {"MAP<INT, ARRAY<INT NOT NULL>>", pairs(n("1"), ints("1", "2"))},
		`ImmutableMap.of(12, "a", 13, "b")`: {"MAP<INT, STRING>", pairs(n("12"), "a", n("13"), "b")},
		`Map("a" -> 1, "b" -> 2).asJava`:    {"MAP<STRING, INT>", pairs("a", n("1"), "b", n("2"))},
		`row`:                               {"ROW<f0 INT, f1 STRING, f2 BOOLEAN>", row},
		`nestedRow`:                         {"ROW<f0 INT, f1 ROW<f0 INT, f1 STRING, f2 BOOLEAN>>", []any{n("3"), row}},
		`specialTypeRow`:                    {"ROW<f0 DATE>", []any{date("1985-04-11")}},
		`Row.of("foo", null)`:               {"ROW<f0 STRING, f1 BOOLEAN>", []any{"foo", nil}},
		`Row.of(null, null)`:                {"ROW<f0 STRING, f1 STRING>", []any{nil, nil}},
		`Row.of("abc", "def")`:              {"ROW<f0 STRING, f1 STRING>", []any{"abc", "def"}},
		`localDateTime("1996-11-10 06:55:44.333").toString`: {"STRING", "1996-11-10T06:55:44.333"},
	}
}()

// scalaType is the SQL type of Types.STRING, DataTypes.DECIMAL(30, 18) and so on.
func scalaType(text string) (string, error) {
	for _, form := range []struct{ in, out string }{
		{"DecimalDataTypeInfo.of(", "DECIMAL("},
		{"TimeIntervalTypeInfo.INTERVAL_MILLIS", "INTERVAL DAY TO SECOND"},
		{"TimeIntervalTypeInfo.INTERVAL_MONTHS", "INTERVAL YEAR TO MONTH"},
		{"DataTypes.INTERVAL(DataTypes.MONTH())", "INTERVAL YEAR TO MONTH"},
		{"DataTypes.INTERVAL(DataTypes.DAY)", "INTERVAL DAY TO SECOND"},
		{"DataTypes.INTERVAL(DataTypes.SECOND(3))", "INTERVAL DAY TO SECOND"},
		{"DataTypes.MULTISET(DataTypes.STRING())", "MULTISET<STRING>"},
		{"Types.PRIMITIVE_ARRAY(Types.BYTE)", "BYTES"},
		{"Types.LOCAL_DATE_TIME", "TIMESTAMP(9)"},
		{"Types.LOCAL_DATE", "DATE"},
		{"Types.LOCAL_TIME", "TIME"},
		{"Types.STRING", "STRING"},
		{"Types.BOOLEAN", "BOOLEAN"},
		{"Types.BYTE", "TINYINT"},
		{"Types.SHORT", "SMALLINT"},
		{"Types.LONG", "BIGINT"},
		{"Types.INT", "INT"},
		{"Types.FLOAT", "FLOAT"},
		{"Types.DOUBLE", "DOUBLE"},
	} {
		rest, ok := strings.CutPrefix(text, form.in)
		if !ok {
			continue
		}
		if strings.HasSuffix(form.out, "(") {
			return form.out + rest, nil
		}
		return form.out, nil
	}
	switch {
	case strings.Contains(text, "ARRAY_TYPE_INFO)"):
		return "ARRAY<ARRAY<INT>>", nil
	case strings.Contains(text, "MapTypeInfo(BasicTypeInfo.STRING_TYPE_INFO, BasicTypeInfo.STRING"):
		return "MAP<STRING, STRING>", nil
	}
	rest, ok := strings.CutPrefix(text, "DataTypes.")
	if !ok {
		return "", fmt.Errorf("%w: type %s", errLiteral, text)
	}
	rest, _, _ = strings.Cut(rest, ".")
	rest = strings.ReplaceAll(strings.Replace(rest, "TIMESTAMP_WITH_LOCAL_TIME_ZONE", "TIMESTAMP_LTZ", 1), "()", "")
	_, err := datatype.Parse(rest)
	return rest, err
}
