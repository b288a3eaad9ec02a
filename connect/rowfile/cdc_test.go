package rowfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/corpora"
)

var products = []arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "description", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "weight", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
}

// TestChanges reads one history of two rows as each program writes it.
func TestChanges(t *testing.T) {
	want := []string{
		"+I 1|pen|blue|1.5", "+I 2|cup|(null)|3", "-U 1|pen|blue|1.5", "+U 1|pen|red|1.5", "-U 2|cup|(null)|3", "+U 2|mug|(null)|4", "-D 1|pen|red|1.5",
	}
	for name, c := range map[string]struct {
		format, text string
		options      map[string]string
	}{
		"debezium": {"debezium-json", `
{"before":null,"after":{"id":1,"name":"pen","description":"blue","weight":1.5},"op":"r"}
{"before":null,"after":{"id":2,"name":"cup","description":null,"weight":3},"op":"c","ts_ms":1}

{"before":{"id":1,"name":"pen","description":"blue","weight":1.5},"after":{"id":1,"name":"pen","description":"red","weight":1.5},"op":"u"}
{"before":{"id":2,"name":"cup","weight":3},"after":{"id":2,"name":"mug","weight":4},"op":"u"}
null
{"before":{"id":1,"name":"pen","description":"red","weight":1.5},"after":null,"op":"d"}
`, nil},
		"debezium with schema": {"debezium-json", `
{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":1,"name":"pen","description":"blue","weight":1.5},"op":"r"}}
{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":2,"name":"cup","weight":3},"op":"c"}}
{"schema":null,"payload":{"before":{"id":1,"name":"pen","description":"blue","weight":1.5},"after":{"id":1,"name":"pen","description":"red","weight":1.5},"op":"u"}}
{"schema":null,"payload":{"before":{"id":2,"name":"cup","weight":3},"after":{"id":2,"name":"mug","weight":4},"op":"u"}}
{"schema":null,"payload":{"before":{"id":1,"name":"pen","description":"red","weight":1.5},"op":"d"}}
`, map[string]string{"debezium-json.schema-include": "true"}},
		"canal": {"canal-json", `
{"type":"CREATE","data":null,"table":"p","database":"d","sql":"CREATE TABLE p"}
{"type":"INSERT","table":"p","database":"d","data":[{"id":"1","name":"pen","description":"blue","weight":"1.5"},{"id":"2","name":"cup","description":null,"weight":"3"}],"old":null}
{"type":"INSERT","table":"other","database":"d","data":[{"id":"9"}]}
{"type":"INSERT","table":"p","database":"e","data":[{"id":"8"}]}
{"type":"UPDATE","table":"p","database":"d","data":[{"id":"1","name":"pen","description":"red","weight":"1.5"},{"id":"2","name":"mug","description":null,"weight":"4"}],"old":[{"description":"blue"},{"name":"cup","weight":"3"}]}
{"type":"DELETE","table":"p","database":"d","data":[{"id":"1","name":"pen","description":"red","weight":"1.5"}]}
`, map[string]string{"canal-json.table.include": "p.*", "canal-json.database.include": "d"}},
		"maxwell": {"maxwell-json", `
{"database":"d","table":"p","type":"insert","data":{"id":1,"name":"pen","description":"blue","weight":1.5}}
{"database":"d","table":"p","type":"insert","data":{"id":2,"name":"cup","weight":3}}
{"database":"d","table":"p","type":"update","data":{"id":1,"name":"pen","description":"red","weight":1.5},"old":{"description":"blue"}}
{"database":"d","table":"p","type":"update","data":{"id":2,"name":"mug","weight":4},"old":{"name":"cup","weight":3}}
{"database":"d","table":"p","type":"delete","data":{"id":1,"name":"pen","description":"red","weight":1.5}}
`, nil},
		"ogg": {"ogg-json", `
{"table":"D.P","op_type":"I","after":{"id":1,"name":"pen","description":"blue","weight":1.5}}
{"table":"D.P","op_type":"I","after":{"id":2,"name":"cup","weight":3}}
{"table":"D.P","op_type":"U","before":{"id":1,"name":"pen","description":"blue","weight":1.5},"after":{"id":1,"name":"pen","description":"red","weight":1.5}}
{"table":"D.P","op_type":"U","before":{"id":2,"name":"cup","weight":3},"after":{"id":2,"name":"mug","weight":4}}
{"table":"D.P","op_type":"D","before":{"id":1,"name":"pen","description":"red","weight":1.5}}
`, nil},
	} {
		for _, restart := range []bool{false, true} {
			o := map[string]string{"path": write(t, "changes.json", strings.TrimPrefix(c.text, "\n"))}
			for k, v := range c.options {
				o[k] = v
			}
			got, err := read(t, c.format, restart, o, products...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !slices.Equal(got.rows, want) {
				t.Errorf("%s: got\n  %s", name, strings.Join(got.rows, "\n  "))
			}
		}
	}
}

// TestBadChanges reads messages that say nothing about a row.
func TestBadChanges(t *testing.T) {
	for _, c := range []struct{ format, line, want string }{
		{"debezium-json", `{"before":null,"after":{"id":1},"op":"u"}`, "REPLICA IDENTITY FULL"},
		{"debezium-json", `{"after":{"id":1},"op":"x"}`, `unknown change "x"`},
		{"debezium-json", `{"after":{"id":1}}`, "does not say what the change is"},
		{"debezium-json", `{"after":null,"op":"c"}`, "an insert without the row after it"},
		{"debezium-json", `[1]`, "not a JSON object"},
		{"debezium-json", `{"after":{"id":"one"},"op":"c"}`, "field id"},
		{"maxwell-json", `{"type":"update","data":{"id":1}}`, "without what was before it"},
		{"maxwell-json", `{"type":"insert"}`, "an insert without a row"},
		{"canal-json", `{"type":"INSERT","data":{"id":1}}`, "is no array of rows"},
		{"canal-json", `{"type":"ALTER","data":null}`, `unknown change "ALTER"`},
		{"ogg-json", `{"op_type":"T"}`, `unknown change "T"`},
	} {
		path := write(t, "changes.json", c.line+"\n")
		if _, err := read(t, c.format, false, map[string]string{"path": path}, products...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.format, c.line, err, c.want)
		}
		got, err := read(t, c.format, false, map[string]string{"path": path, c.format + ".ignore-parse-errors": "true"}, products...)
		if err != nil || got.bad != 1 || len(got.rows) > 0 {
			t.Errorf("%s %s: %v, %d bad, rows %q, want it left out", c.format, c.line, err, got.bad, got.rows)
		}
	}
}

// TestFlinksChanges reads the samples of Flink, whose changes are one history.
func TestFlinksChanges(t *testing.T) {
	first := []string{
		"101|scooter|Small 2-wheel scooter|3.14", "102|car battery|12V car battery|8.1",
		"103|12-pack drill bits|12-pack of drill bits with sizes ranging from #40 to #3|0.8",
	}
	water := "water resist" + "ent" // as the samples have it
	rest := []string{
		"104|hammer|12oz carpenter's hammer|0.75", "105|hammer|14oz carpenter's hammer|0.875", "106|hammer|18oz carpenter hammer|1",
		"107|rocks|box of assorted rocks|5.1", "108|jacket|" + water + " black wind breaker|0.1", "109|spare tire|24 inch spare tire|22.2",
		"110|jacket|new " + water + " white wind breaker|0.5",
	}
	all := slices.Concat(first, rest)
	fewer := slices.Concat([]string{"101|scooter|Small 2-wheel scooter|5.17"}, rest)
	for _, c := range []struct {
		file, format, include string
		want                  []string
	}{
		{"debezium-data-schema-exclude.txt", "debezium-json", "false", all},
		{"debezium-data-schema-include.txt", "debezium-json", "true", all},
		{"debezium-postgres-data-schema-exclude.txt", "debezium-json", "false", all},
		{"debezium-postgres-data-schema-include.txt", "debezium-json", "true", all},
		{"ogg-data.txt", "ogg-json", "", all},
		{"canal-data.txt", "canal-json", "", fewer},
		{"maxwell-data.txt", "maxwell-json", "", fewer},
	} {
		o := map[string]string{"path": corpora.Path(t, "flink_formats", "flink-formats", "flink-json", "src", "test", "resources", c.file)}
		if c.include != "" {
			o["debezium-json.schema-include"] = c.include
		}
		got, err := read(t, c.format, false, o, products...)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		var table []string
		for _, r := range got.rows {
			kind, row, _ := strings.Cut(r, " ")
			if at := slices.Index(table, row); kind == "-U" || kind == "-D" {
				if at < 0 {
					t.Fatalf("%s: %s takes away a row that is not there", c.file, r)
				}
				table = slices.Delete(table, at, at+1)
				continue
			}
			table = append(table, row)
		}
		slices.Sort(table)
		if !slices.Equal(table, c.want) {
			t.Errorf("%s: got\n  %s", c.file, strings.Join(table, "\n  "))
		}
	}
}
