package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/internal/await"
)

// logOf makes the log of a command with these arguments.
func logOf(t *testing.T, serves string, line ...string) (levels string, err error) {
	t.Helper()
	root := newRoot()
	env := environment{serves: serves}
	c := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error {
		o, err := env.options()
		if err != nil {
			return err
		}
		defer func() { _ = o.Logs.Close() }()
		levels = o.Logs.Levels()[""].String()
		o.Log.Warn("said")
		return nil
	}}
	env.flags(c)
	root.AddCommand(c)
	root.SetOut(&bytes.Buffer{})
	root.SetArgs(append([]string{"x"}, line...))
	return levels, root.ExecuteContext(t.Context())
}

func TestLogFlags(t *testing.T) {
	for _, c := range []struct{ serves, line, want string }{
		{"", "", "WARN"},
		{"", "-v", "INFO"},
		{"", "-vv", "DEBUG"},
		{"worker", "", "INFO"},
		{"coordinator", "-v", "DEBUG"},
		{"coordinator", "-v --log-level error", "ERROR"},
		{"standalone", "-D env.log.level=WARN", "WARN"},
		{"standalone", "-D env.log.level=WARN --log-level off", "ERROR+4"},
	} {
		if got, err := logOf(t, c.serves, strings.Fields(c.line)...); err != nil || got != c.want {
			t.Errorf("%s %s: %s %v, want %s", c.serves, c.line, got, err, c.want)
		}
	}
	for _, line := range []string{"--log-level loud", "--log-format xml", "-D wadi.log.max-size=big", "-D env.log.max=0", "-D env.log.level=loud"} {
		if _, err := logOf(t, "worker", strings.Fields(line)...); err == nil || codeOf(err) != exitBad {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestLogFileOfAProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if _, err := logOf(t, "worker", "-D", "env.log.dir="+dir, "--log-format", "json"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "wadi-worker-0.log"))
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(data, &line); err != nil || line["msg"] != "said" || line["level"] != "WARN" {
		t.Errorf("%s: %v", data, err)
	}
}

func TestLogsOfACluster(t *testing.T) {
	l := newCommandLine(t)
	script := filepath.Join(t.TempDir(), "job.sql")
	text := "SET 'pipeline.name' = 'short'; CREATE TABLE b (a INT) WITH ('connector' = 'blackhole'); INSERT INTO b VALUES (1);"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.run("run", "-d", script)
	await.That(t, "the end of the job", func() bool { return strings.Contains(l.run("logs", "short"), "job ended") })
	lines := l.run("logs", "short")
	if !strings.HasPrefix(lines, "coordinator  time=") || strings.Count(lines, "job_name=short") != strings.Count(lines, "\n") {
		t.Error(lines)
	}
	if got := l.run("logs", "short", "--level", "warn"); got != "" {
		t.Errorf("lines of a higher level: %s", got)
	}
	var line rest.LogLine
	if got := l.run("logs", "short", "-n", "1", "--json"); json.Unmarshal([]byte(got), &line) != nil || line.Process != "coordinator" || line.Job == "" {
		t.Error(got)
	}
	if got := l.run("logs", "--set-level", "debug", "--component", "iceberg"); got != "coordinator  all  INFO\ncoordinator  iceberg  DEBUG\n" {
		t.Error(got)
	}
	if got := l.run("logs", "--set-level=", "--component", "iceberg"); got != "coordinator  all  INFO\n" {
		t.Error(got)
	}
}
