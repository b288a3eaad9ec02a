package conformance

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
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

type scalaWorld struct {
	Data  map[string]scalaData `json:"data"`
	Views []scalaView          `json:"views"`
	DDL   []string             `json:"ddl"`
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

var dataID = regexp.MustCompile(`'data-id'\s*=\s*'\$\{?(\w+)\}?'`)

// optionOf is the value of an option in the text of a CREATE TABLE.
func optionOf(ddl, key string) string {
	m := regexp.MustCompile(`'` + regexp.QuoteMeta(key) + `'\s*=\s*'([^']*)'`).FindStringSubmatch(ddl)
	if m == nil {
		return ""
	}
	return m[1]
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
