package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/render"
	"github.com/wadi-engine/wadi/stream"
)

// clientStep is one statement of a transcript of Flink's SQL client, and what it
// answered: tag is ok, info or error.
type clientStep struct {
	line int
	sql  string
	want []string
	tag  string
}

// readTranscript reads a file of statements, each with its answer and a tag:
//
//	show tables;
//	Empty set
//	!ok
//
// Several statements may stand before an answer.
func readTranscript(text string) []clientStep {
	var out []clientStep
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if l := strings.TrimSpace(lines[i]); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		s := clientStep{line: i + 1}
		var sql []string
		for ; i < len(lines); i++ {
			sql = append(sql, lines[i])
			if strings.HasSuffix(strings.TrimSpace(lines[i]), ";") && i+1 < len(lines) && answers(lines[i+1]) {
				break
			}
		}
		s.sql = strings.Join(sql, "\n")
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], "!output") {
			i++
		}
		for i++; i < len(lines) && !strings.HasPrefix(lines[i], "!"); i++ {
			s.want = append(s.want, lines[i])
		}
		if i < len(lines) {
			s.tag = strings.TrimSpace(lines[i][1:])
			out = append(out, s)
		}
	}
	return out
}

// answers reports the first line of an answer.
func answers(line string) bool {
	return slices.ContainsFunc([]string{"[", "+-", "Empty set", "The following", "!"}, func(s string) bool { return strings.HasPrefix(line, s) })
}

// clientCases are the transcripts of the SQL client. A file is one session,
// which the first of its cases runs.
func clientCases(dir string) ([]Case, error) {
	var out []Case
	for _, path := range append(files(dir, "flink_sql_client_q", "flink-sql-client", "sql", "*.q"), files(dir, "flink_sql_client_q", "flink-sql-client", "sql_multi", "*.q")...) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		t := &transcript{steps: readTranscript(string(text))}
		name := folder(path)
		if filepath.Base(filepath.Dir(path)) == "sql_multi" {
			name = "multi_" + name
		}
		for i, s := range t.steps {
			out = append(out, Case{
				Name: name + "/" + strconv.Itoa(s.line), SQL: s.sql, Skip: s.skip(),
				Run: func(ctx context.Context) error {
					t.once.Do(func() { t.run(context.WithoutCancel(ctx)) })
					return t.results[i]
				},
			})
		}
	}
	return out, nil
}

var (
	ofJava    = regexp.MustCompile(`(?i)\$VAR_UDF|(Lower|Upper)UDF|\bfunc\d|\bDummy|test-update-delete|test_procedure_catalog`)
	ofCluster = regexp.MustCompile(`\$internal\.|\$VAR_REST|\$VAR_JOBMANAGER`)
	ofClient  = regexp.MustCompile(`(?i)^(help|clear|quit|exit);`)
)

// skip is why a statement cannot be run here, or "".
func (s *clientStep) skip() string {
	all := s.sql + "\n" + strings.Join(s.want, "\n")
	switch {
	case ofJava.MatchString(all):
		return "Java class: a function, module, connector or catalog of a JAR"
	case ofCluster.MatchString(all):
		return "configuration of the Flink cluster of the transcript"
	case ofClient.MatchString(s.sql):
		return "command of the client, not of SQL"
	}
	return ""
}

// transcript is a file and, when it was run, what is wrong with each of its
// steps.
type transcript struct {
	steps   []clientStep
	once    sync.Once
	results []error
}

var pathVariable = regexp.MustCompile(`\$VAR_[A-Z_]*PATH[0-9]*`)

// run runs a session in a directory of its own.
func (t *transcript) run(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	t.results = make([]error, len(t.steps))
	fail := func(err error) {
		for i := range t.results {
			t.results[i] = err
		}
	}
	dir, err := os.MkdirTemp("", "client")
	if err != nil {
		fail(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }() // of the system's temporary files
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		fail(err)
		return
	}
	defer func() { _ = env.Close() }()
	for i, s := range t.steps {
		if s.skip() != "" {
			continue
		}
		in := func(text string) string {
			return pathVariable.ReplaceAllStringFunc(text, func(v string) string { return filepath.Join(dir, v[1:]) })
		}
		got, err := clientAnswer(ctx, env, in(s.sql))
		t.results[i] = s.compare(got, err, in)
	}
}

const planHead = "== Abstract Syntax Tree =="

// compare finds what is wrong with an answer. Texts of errors are Java's.
func (s *clientStep) compare(got []string, err error, in func(string) string) error {
	switch {
	case s.tag == "error" && err == nil:
		return fmt.Errorf("no error, want %s", strings.Join(s.want, " "))
	case s.tag == "error":
		return nil
	case err != nil:
		return err
	case s.tag == "info":
		return nil
	}
	var want []string
	for _, l := range s.want {
		want = append(want, in(l))
	}
	if strings.Contains(strings.Join(want, "\n"), planHead) { // each planner has plans of its own
		if all := strings.Join(got, "\n"); !strings.Contains(all, planHead) || !strings.Contains(all, "== Optimized Physical Plan") {
			return fmt.Errorf("got no plan: %s", all)
		}
		return nil
	}
	want, got = plainLines(want), plainLines(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	return nil
}

var blanks = regexp.MustCompile(`\s+`)

// plainLines are the lines of a table without its borders and widths, in any
// order.
func plainLines(lines []string) []string {
	var out []string
	for _, l := range lines {
		l = strings.TrimSpace(blanks.ReplaceAllString(l, " "))
		if l == "" || l == "|" || strings.HasPrefix(l, "+-") {
			continue
		}
		out = append(out, strings.TrimSpace(strings.TrimSuffix(l, "|")))
	}
	slices.Sort(out)
	return out
}

// clientTimeout is of one file.
const clientTimeout = time.Minute

// clientWait is how long a job that has no end is let run.
const clientWait = 2 * time.Second

// clientAnswer runs statements and gives what the last one prints.
func clientAnswer(ctx context.Context, env *wadi.Env, text string) ([]string, error) {
	var out bytes.Buffer
	err := env.Execute(ctx, text, func(o wadi.Outcome) error {
		out.Reset()
		switch {
		case o.Pipeline != nil:
			return clientJob(ctx, o.Pipeline)
		case o.Record != nil:
			w := render.New(&out, o.Record.Schema(), render.Options{MaxColumnWidth: 1 << 20, NullAsEmpty: true})
			return errors.Join(w.Write(stream.NewBatch(o.Record)), w.Close())
		case o.Query != nil:
			return clientQuery(ctx, env, o.Query, &out)
		}
		return nil
	})
	return strings.Split(out.String(), "\n"), err
}

// clientJob runs the job of an INSERT to its end, if it has one.
func clientJob(ctx context.Context, p *wadi.Pipeline) error {
	run, err := p.Start(ctx, wadi.RestoreNone)
	if err != nil {
		return err
	}
	if !p.Bounded() {
		wait, cancel := context.WithTimeout(ctx, clientWait)
		defer cancel()
		select {
		case <-run.Done():
		case <-wait.Done():
			run.Cancel(context.Canceled)
			<-run.Done()
			return nil
		}
	}
	_, err = run.Wait()
	return err
}

// clientQuery prints rows as the client does: with their kinds, unless the
// session runs batches.
func clientQuery(ctx context.Context, env *wadi.Env, q *wadi.Query, out *bytes.Buffer) error {
	o := render.Options{Format: render.Changelog, Zone: env.Zone()}
	if strings.EqualFold(env.Config("execution.runtime-mode"), "batch") {
		o.Format = render.Table
	}
	if n, err := strconv.Atoi(env.Config("table.display.max-column-width")); err == nil {
		o.MaxColumnWidth = n
	}
	w := render.New(out, q.Schema, o)
	for c, err := range q.Changes(ctx) {
		if err != nil {
			return err
		}
		if err := w.Write(&stream.Batch{Rows: c.Record, Kinds: c.Kinds}); err != nil {
			return err
		}
	}
	return w.Close()
}
