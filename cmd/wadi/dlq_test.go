package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dlq runs a command and returns what it prints.
func dlq(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(arguments)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// TestDLQ: dead letters are counted, shown, and fed back once.
func TestDLQ(t *testing.T) {
	dir := t.TempDir()
	tables, rows := filepath.Join(dir, "tables.sql"), filepath.Join(dir, "rows.json")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(want string, arguments ...string) {
		t.Helper()
		got, err := dlq(t, arguments...)
		if err != nil || strings.TrimSpace(got) != want {
			t.Errorf("wadi %s: %v\n%s\nwant\n%s", strings.Join(arguments, " "), err, got, want)
		}
	}
	at := filepath.ToSlash(dir)
	declared := "CREATE TABLE dead (source STRING, split STRING, `position` BIGINT, reason STRING, bytes BYTES, `time` TIMESTAMP_LTZ(3), job STRING, epoch BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + at + "/dead');\n" +
		"CREATE TABLE replayed (letter STRING) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + at + "/replayed');\n" +
		"CREATE TABLE good (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + at + "/good');\n" +
		"CREATE TABLE rows_in (id INT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '" + at + "/rows.json', 'error.policy' = 'dead-letter', 'error.table' = 'dead');\n"
	write(tables, declared)
	write(rows, "{\"id\": 1}\n{\"id\": \"7x\"}\nno json\n{\"id\": \"8x\"}\n")
	if _, err := dlq(t, "sql", "-D", "execution.runtime-mode=batch", "-i", tables, "-e", "INSERT INTO good SELECT id FROM rows_in"); err != nil {
		t.Fatal(err)
	}
	counted, err := dlq(t, "dlq", "ls", "-i", tables, "dead", "--format", "csv")
	if err != nil || strings.Count(counted, "\n") != 4 || !strings.Contains(counted, ",1,") {
		t.Errorf("dlq ls: %v\n%s", err, counted)
	}
	shown, err := dlq(t, "dlq", "show", "-i", tables, "dead", "--format", "json", "--where", "text LIKE '%7x%'")
	if err != nil || strings.Count(shown, "\n") != 1 || !strings.Contains(shown, `"position":2`) {
		t.Errorf("dlq show: %v\n%s", err, shown)
	}
	replay := []string{
		"dlq", "replay", "-i", tables, "dead", "--into", "good", "--ledger", "replayed", "--query",
		"SELECT CAST(REGEXP_EXTRACT(text, '\"([0-9]+)x\"', 1) AS INT) FROM letters",
	}
	must("1 letters of dead replayed into good", append(replay, "--where", "text LIKE '%7x%'")...)
	must("1 letters of dead replayed into good", append(replay, "--where", "text LIKE '%x%'")...)
	must("0 letters: all of them were replayed before", append(replay, "--where", "text LIKE '%x%'")...)
	must("id\n1\n7\n8", "sql", "-i", tables, "-e", "SELECT id FROM good ORDER BY id", "--format", "csv")
	if _, err := dlq(t, "dlq", "ls", "-i", tables, "good"); err == nil || !strings.Contains(err.Error(), "no column bytes") {
		t.Errorf("error %v", err)
	}
	if _, err := dlq(t, "dlq", "ls", "dead"); err == nil || !strings.Contains(err.Error(), "-i FILE") {
		t.Errorf("error %v", err)
	}
}
