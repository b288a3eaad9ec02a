package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
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
	w.phase = 1
	s, err := newSession(w, false, 1, config)
	if err != nil {
		return err
	}
	defer s.close()
	if err := p.define(ctx, s); err != nil {
		return err
	}
	if p.clocked() {
		s.settled = func() bool { return p.held(w) }
	}
	if err := p.statements(ctx, s, func(sql string) error { return s.first(ctx, sql) }); err != nil {
		return fmt.Errorf("before the restore: %w", err)
	}
	if err := p.checkBefore(w); err != nil {
		return fmt.Errorf("before the restore: %w", err)
	}
	w.phase = 2
	if err := s.env.Set("parallelism.default", "3"); err != nil {
		return err
	}
	err = p.statements(ctx, s, func(sql string) error { return s.second(ctx, sql) })
	return errors.Join(err, p.check(w))
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
		if n, err := strconv.Atoi(config["table.exec.mini-batch.size"]); err == nil && n > 1 {
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
		case "config":
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
				if err := run(sql); err != nil {
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

// mustFail wants an error. Words are ours; what Flink's message names in quotes
// must be named.
func mustFail(ctx context.Context, s *session, sql, message string) error {
	err := s.insert(ctx, sql)
	if err == nil {
		return fmt.Errorf("runs, but Flink fails: %s\n%s", message, sql)
	}
	return unsupported(err)
}

// first runs a job until it has read all rows, and stops it with a savepoint.
func (s *session) first(ctx context.Context, sql string) error {
	return s.env.Execute(ctx, sql, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Named("program").Start(ctx, wadi.RestoreNone)
		if err != nil {
			return err
		}
		select {
		case <-s.world.idle:
			s.settle(ctx)
			_, err = run.Stop()
		case <-run.Done():
			_, err = run.Wait()
		case <-ctx.Done():
			_, err = run.Wait()
			err = errors.Join(errors.New("the sources were not read"), err)
		}
		return err
	})
}

// settle waits for the clock to complete windows of processing time, as
// Flink's test does for the rows of its sinks.
func (s *session) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for s.settled != nil && !s.settled() && ctx.Err() == nil {
		pause, done := context.WithTimeout(ctx, 50*time.Millisecond)
		<-pause.Done()
		done()
	}
}

// clocked reports whether windows of the program follow the clock.
func (p *program) clocked() bool {
	for _, st := range p.Run {
		for _, sql := range st.sqls() {
			if clockedWindow.MatchString(sql) {
				return true
			}
		}
	}
	return false
}

var clockedWindow = regexp.MustCompile(`(?i)(TUMBLE|HOP|CUMULATE|SESSION)\s*\(\s*(TABLE \w+,\s*DESCRIPTOR\()?proc_?time`)

// held reports whether every sink holds as many rows as it must before the
// restore.
func (p *program) held(w *world) bool {
	for _, st := range p.Setup {
		if st.Step == "sink" && len(w.changes(st.Name)) < len(st.Expected)+len(st.ExpectedRows) {
			return false
		}
	}
	return true
}

// second goes on with the job of first.
func (s *session) second(ctx context.Context, sql string) error {
	return s.env.Execute(ctx, sql, func(o wadi.Outcome) error {
		if o.Pipeline == nil {
			return nil
		}
		run, err := o.Pipeline.Named("program").Start(ctx, wadi.RestoreLatest)
		if err != nil {
			return err
		}
		res, err := run.Wait()
		if err == nil && res.State != coordinator.Finished {
			err = fmt.Errorf("the job is %v: %w", res.State, context.Cause(ctx))
		}
		return err
	})
}

// check compares every sink with all that it must hold.
func (p *program) check(w *world) error {
	var errs []error
	for _, s := range p.Setup {
		if s.Step == "sink" {
			want := slices.Concat(s.Expected, strs(s.ExpectedRows), s.ExpectedAfter, strs(s.ExpectedRowsAfter))
			if err := s.compare(w.changes(s.Name), want); err != nil {
				errs = append(errs, fmt.Errorf("sink %s: %w", s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// checkBefore compares the sinks that are compared by changelog, when the first
// phase has ended.
func (p *program) checkBefore(w *world) error {
	var errs []error
	for _, s := range p.Setup {
		if s.Step == "sink" && s.TestChangelog {
			if err := s.compare(w.changes(s.Name), slices.Concat(s.Expected, strs(s.ExpectedRows))); err != nil {
				errs = append(errs, fmt.Errorf("sink %s: %w", s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func strs(rows []jsonRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = r.Str
	}
	return out
}

// compare compares what a sink got: its changes, or the table that they make.
func (s *step) compare(got []change, want []string) error {
	if s.TestChangelog {
		return sameTexts(kindTexts(got), want, false)
	}
	if m := slices.Concat(s.Materialized, strs(s.MaterializedRows)); len(m) > 0 {
		want = m
	}
	key := s.DeduplicatedByFields
	if key == nil {
		key = s.primaryKey()
	}
	rows, err := final(got, key, javaTexts)
	if err != nil {
		return err
	}
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = "+I[" + javaTexts(r) + "]"
	}
	if key != nil { // later rows of what is expected replace earlier ones, too
		want = lastOfKey(want, key)
	}
	return sameTexts(texts, want, false)
}

func lastOfKey(rows []string, key []int) []string {
	var order []string
	last := map[string]string{}
	for _, r := range rows {
		fields := strings.Split(strings.TrimSuffix(r[min(3, len(r)):], "]"), ", ")
		var k []string
		for _, i := range key {
			if i < len(fields) {
				k = append(k, fields[i])
			}
		}
		id := strings.Join(k, "\x00")
		if _, ok := last[id]; !ok {
			order = append(order, id)
		}
		last[id] = r
	}
	out := make([]string, len(order))
	for i, id := range order {
		out[i] = last[id]
	}
	return out
}

// primaryKey are the positions of the key's columns, or nil.
func (s *step) primaryKey() []int {
	var names, key []string
	for _, c := range s.Schema {
		upper := strings.ToUpper(c)
		if at := strings.Index(upper, "PRIMARY KEY ("); at >= 0 && strings.Contains(upper, "NOT ENFORCED") {
			list, _, _ := strings.Cut(c[at+len("PRIMARY KEY ("):], ")")
			for _, k := range strings.Split(list, ",") {
				key = append(key, strings.Trim(strings.TrimSpace(k), "`"))
			}
			continue
		}
		name, _, _ := strings.Cut(c, " ")
		names = append(names, strings.Trim(name, "`"))
	}
	var out []int
	for _, k := range key {
		out = append(out, slices.Index(names, k))
	}
	return out
}

// kindTexts are changes as Flink prints them: +I[1, a].
func kindTexts(changes []change) []string {
	out := make([]string, len(changes))
	for i, c := range changes {
		out[i] = c.kind.String() + "[" + javaTexts(c.row) + "]"
	}
	return out
}
