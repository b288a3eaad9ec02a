package conformance

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// program is one of Flink's table test programs: sources with rows, sinks with
// what they must hold, and statements. Of those that are restored, the rows come
// in two phases.
type program struct {
	ID    string `json:"id"`
	Setup []step `json:"setup"`
	Run   []step `json:"run"`
}

// step is one part of a program; which fields it has depends on Step.
type step struct {
	Step       string            `json:"step"`
	Name       string            `json:"name"`
	Schema     []string          `json:"schema"`
	Options    map[string]string `json:"options"`
	Partitions []string          `json:"partition_keys"`
	Rows       []jsonRow         `json:"rows"`
	RowsAfter  []jsonRow         `json:"rows_after_restore"`

	Expected             []string  `json:"expected_strings"`
	ExpectedAfter        []string  `json:"expected_strings_after_restore"`
	ExpectedRows         []jsonRow `json:"expected_rows"`
	ExpectedRowsAfter    []jsonRow `json:"expected_rows_after_restore"`
	Materialized         []string  `json:"expected_materialized_strings"`
	MaterializedRows     []jsonRow `json:"expected_materialized_rows"`
	TestChangelog        bool      `json:"test_changelog"`
	DeduplicatedByFields []int     `json:"deduplicated_field_indices"`

	SQL       any    `json:"sql"`
	Exception string `json:"exception"`
	Message   string `json:"message"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Class     string `json:"class"`
	Table     string `json:"table"`
}

// sqls are the statements of a step.
func (s *step) sqls() []string {
	switch v := s.SQL.(type) {
	case string:
		return []string{v}
	case []any:
		out := make([]string, len(v))
		for i, x := range v {
			out[i], _ = x.(string)
		}
		return out
	}
	return nil
}

func programCases(dir string) ([]Case, error) {
	var out []Case
	seen := map[string]int{}
	for _, path := range files(dir, "flink_programs", "*Programs.json") {
		var programs []program
		if err := readJSON(path, &programs); err != nil {
			return nil, err
		}
		for _, p := range programs {
			name := folder(path) + "." + p.ID
			if seen[name]++; seen[name] > 1 {
				name += "#" + strconv.Itoa(seen[name])
			}
			out = append(out, Case{Name: name, SQL: p.describe(), Skip: p.skip(), Run: p.run})
		}
	}
	return out, nil
}

// skip names the Java classes or the model that a program needs.
func (p *program) skip() string {
	var classes []string
	for _, s := range p.Setup {
		switch s.Step {
		case "function":
			classes = append(classes, s.Class)
		case "model":
			return "model " + s.Name
		case "source":
			if s.Options["enable-vector-search"] == "true" {
				return "Java class: the vector search provider of table " + s.Name
			}
		}
	}
	if len(classes) > 0 {
		return "Java classes: " + strings.Join(classes, ", ")
	}
	return ""
}

func (p *program) describe() string {
	var b strings.Builder
	for _, s := range p.Setup {
		switch s.Step {
		case "source", "sink":
			fmt.Fprintf(&b, "%s\n", s.ddl())
			for _, r := range s.Rows {
				fmt.Fprintf(&b, "--   %s\n", r.Str)
			}
			if len(s.RowsAfter) > 0 {
				b.WriteString("--   restored\n")
			}
			for _, r := range s.RowsAfter {
				fmt.Fprintf(&b, "--   %s\n", r.Str)
			}
		case "config":
			fmt.Fprintf(&b, "SET '%s' = '%s';\n", s.Key, s.Value)
		}
	}
	for _, s := range append(slices.Clone(p.Setup), p.Run...) {
		for _, sql := range s.sqls() {
			fmt.Fprintf(&b, "%s;\n", sql)
		}
	}
	return b.String()
}

// ddl declares a source or a sink.
func (s *step) ddl() string {
	options := []string{"'connector' = 'flink-test-values'"}
	for k, v := range s.Options {
		if k != "connector" && k != "data-id" {
			options = append(options, fmt.Sprintf("'%s' = '%s'", k, v))
		}
	}
	slices.Sort(options)
	partitioned := ""
	if len(s.Partitions) > 0 {
		partitioned = " PARTITIONED BY (" + strings.Join(s.Partitions, ", ") + ")"
	}
	return fmt.Sprintf("CREATE TABLE %s (%s)%s WITH (%s);", s.Name, strings.Join(s.Schema, ", "), partitioned, strings.Join(options, ", "))
}

// restores reports whether the program comes in two phases.
func (p *program) restores() bool {
	for _, s := range p.Setup {
		if len(s.RowsAfter) > 0 || len(s.ExpectedAfter) > 0 || len(s.ExpectedRowsAfter) > 0 {
			return true
		}
	}
	return false
}

func (p *program) run(ctx context.Context) error {
	w, config := p.world()
	w.paced()
	if !p.restores() {
		s, err := newSession(w, config["execution.runtime-mode"] == "BATCH", 1, config)
		if err != nil {
			return err
		}
		defer s.close()
		if err := p.define(ctx, s); err != nil {
			return err
		}
		if err := p.statements(ctx, s, func(sql string) error { return s.insert(ctx, sql) }); err != nil {
			return err
		}
		return p.check(w)
	}
	return p.twice(ctx, w, config)
}

// world holds the program's tables. With mini-batches, a batch is as large as
// its rows.
func (p *program) world() (*world, map[string]string) {
	w := newWorld()
	config := map[string]string{}
	for _, s := range p.Setup {
		switch s.Step {
		case "source":
			w.tables[s.Name] = &table{rows: changesFrom(s.Rows), after: changesFrom(s.RowsAfter)}
			w.metadata = append(w.metadata, metadataKeys(s.Options["readable-metadata"])...)
		case "sink":
			w.metadata = append(w.metadata, metadataKeys(s.Options["writable-metadata"])...)
		case "config":
			config[s.Key] = s.Value
		}
	}
	if config["table.exec.mini-batch.enabled"] == "true" {
		w.cut = 0
		if n, err := strconv.Atoi(config["table.exec.mini-batch.size"]); err == nil && n > 0 {
			w.cut = n
		}
	}
	return w, config
}

// metadataKeys reads 'ts:TIMESTAMP(3),x:INT'.
func metadataKeys(text string) []string {
	var out []string
	for _, kv := range strings.Split(text, ",") {
		if k, _, ok := strings.Cut(kv, ":"); ok {
			out = append(out, strings.TrimSpace(k))
		}
	}
	return out
}

// define executes what stands before the statements.
func (p *program) define(ctx context.Context, s *session) error {
	for _, st := range p.Setup {
		var sqls []string
		switch st.Step {
		case "source", "sink":
			sqls = []string{st.ddl()}
		case "sql":
			sqls = st.sqls()
		case "config", "temporal_table_function":
		default:
			return fmt.Errorf("a program with a step %q", st.Step)
		}
		for _, sql := range sqls {
			if err := s.define(ctx, sql); err != nil {
				return fmt.Errorf("%w\n%s", err, sql)
			}
		}
	}
	return nil
}

// statements runs the program; a failing statement must fail with its message.
func (p *program) statements(ctx context.Context, s *session, run func(sql string) error) error {
	for _, st := range p.Run {
		switch st.Step {
		case "sql":
			for _, sql := range st.sqls() {
				if err := run(p.versioned(sql)); err != nil {
					return err
				}
			}
		case "statement_set":
			if err := run("EXECUTE STATEMENT SET BEGIN " + strings.Join(st.sqls(), "; ") + "; END"); err != nil {
				return err
			}
		case "failing_sql":
			for _, sql := range st.sqls() {
				if err := mustFail(ctx, s, sql, st.Message); err != nil {
					return err
				}
			}
		case "config":
			if err := s.env.Set(st.Key, st.Value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("a program with a step %q", st.Step)
		}
	}
	return nil
}

// versioned writes calls of a temporal table function, which are made with
// Java's API alone, as the joins with the versions of its table that they are.
func (p *program) versioned(sql string) string {
	for _, st := range p.Setup {
		if st.Step != "temporal_table_function" {
			continue
		}
		call := regexp.MustCompile(`(?is),\s*LATERAL\s+TABLE\s*\(\s*` + st.Name + `\s*\((.+?)\)\s*\)\s+(AS\s+\w+)\s+WHERE\b`)
		sql = call.ReplaceAllString(sql, " JOIN "+st.Table+" FOR SYSTEM_TIME AS OF $1 $2 ON")
	}
	return sql
}

// mustFail wants an error. Words are ours; what Flink's message names in quotes
// must be named.
func mustFail(ctx context.Context, s *session, sql, message string) error {
	err := s.insert(ctx, sql)
	if err == nil {
		return fmt.Errorf("runs, but Flink fails: %s\n%s", message, sql)
	}
	return unsupported(err)
}
