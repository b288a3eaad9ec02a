package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// logOnly are the verbs that print no results: what they say, they log.
var logOnly = []string{"wadi coordinator", "wadi function", "wadi stage", "wadi standalone", "wadi worker"}

// TestEveryVerbHasJSON walks over all verbs.
func TestEveryVerbHasJSON(t *testing.T) {
	root := newRoot()
	root.InitDefaultHelpCmd()
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasSubCommands() || c.Name() == "help" {
			return
		}
		has := c.Flags().Lookup("json") != nil
		if exempt := slices.Contains(logOnly, c.CommandPath()); has == exempt {
			t.Errorf("%s: has --json: %v, and should: %v", c.CommandPath(), has, !exempt)
		}
	}
	walk(root)
}

// jsonOf runs a verb with --json, and returns the objects that it prints.
func jsonOf(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	root := newRoot()
	var out, told bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&told)
	root.SetArgs(append(args, "--json"))
	if err := root.ExecuteContext(t.Context()); err != nil && args[0] != "doctor" { // which finds what there is to find
		t.Errorf("%q: %v", args, err)
	}
	var all []map[string]any
	for d := json.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%q prints no JSON: %v\n%s", args, err, out.Bytes())
		}
		switch v := v.(type) {
		case map[string]any:
			all = append(all, v)
		case []any:
			for _, one := range v {
				m, ok := one.(map[string]any)
				if !ok {
					t.Fatalf("%q prints %v", args, one)
				}
				all = append(all, m)
			}
		default:
			t.Fatalf("%q prints %v", args, v)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%q prints nothing", args)
	}
	return all
}

// one is the member of the only object that a verb prints.
func one(t *testing.T, member string, args ...string) string {
	t.Helper()
	all := jsonOf(t, args...)
	v, ok := all[0][member]
	if len(all) != 1 || !ok {
		t.Fatalf("%q prints %v, want one object with %s", args, all, member)
	}
	return fmt.Sprint(v)
}

// TestJSONOfACluster: what the verbs about a cluster print is JSON.
func TestJSONOfACluster(t *testing.T) {
	dir := t.TempDir() // it goes behind the cluster
	l := newCommandLine(t)
	m := []string{"-m", l.address}
	at := func(args ...string) []string { return append(args, m...) }
	script := filepath.Join(dir, "job.sql")
	text := fmt.Sprintf(`
SET 'pipeline.name' = 'verbs';
SET 'execution.checkpointing.dir' = '%s';
CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.v.min' = '0', 'fields.v.max' = '9');
CREATE TABLE b (v INT, n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%s');
INSERT INTO b SELECT v, id FROM g;`, filepath.Join(dir, "checkpoints"), filepath.Join(dir, "rows"))
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := one(t, "jobId", at("run", "-d", script)...)
	l.until(id, "RUNNING")
	if state := one(t, "state", at("list")...); state != "RUNNING" {
		t.Error(state)
	}
	one(t, "jid", at("jobs")...)
	one(t, "checkpoint", at("checkpoint", id)...)
	saved := one(t, "location", at("savepoint", id, filepath.Join(dir, "savepoints"))...)
	one(t, "disposed", at("savepoint", "-d", saved)...)
	one(t, "triggerId", at("savepoint", "--detached", id)...)
	one(t, "jobs", at("top", "--interval", "100ms")...)
	jsonOf(t, at("logs")...)
	one(t, "levels", at("logs", "--set-level", "info")...)
	jsonOf(t, at("doctor", id)...)
	one(t, "checks", at("doctor")...)
	copied := one(t, "jobid", at("fork", id, "--sink-suffix", "_whatif")...)
	l.until(copied, "RUNNING")
	one(t, "jobid", at("cancel", copied)...)
	one(t, "location", at("stop", "-p", filepath.Join(dir, "savepoints"), id)...)
	one(t, "jobs", "gc", filepath.Join(dir, "checkpoints"))
	one(t, "nodes", "info", script)
}

// TestJSONOfAJob: what the verbs about jobs here, and their state, print is JSON.
func TestJSONOfAJob(t *testing.T) {
	dir := t.TempDir()
	checkpoints := filepath.Join(dir, "checkpoints")
	if err := os.WriteFile(filepath.Join(dir, "in.json"), []byte("{\"k\":1}\n{\"k\":2}\n{\"k\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "job.sql")
	text := fmt.Sprintf(`
SET 'pipeline.name' = 'here';
SET 'execution.checkpointing.dir' = '%s';
CREATE TABLE i (k BIGINT) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%s');
CREATE TABLE b (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT k, COUNT(*) FROM i GROUP BY k;`, checkpoints, filepath.Join(dir, "in.json"))
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := jsonOf(t, "run", script)[0]
	if ended["state"] != "FINISHED" || ended["rows-read"] != 3. || ended["name"] != "here" {
		t.Errorf("run prints %v", ended)
	}
	all := jsonOf(t, "state", "ls", checkpoints)
	last := all[len(all)-1]
	path, ok := last["path"].(string)
	if !ok {
		t.Fatal(last)
	}
	one(t, "tables", "state", "show", path)
	jsonOf(t, "state", "diff", path, path)
	tables, ok := last["tables"].([]any)
	if !ok || len(tables) == 0 {
		t.Fatal(last)
	}
	table, ok := tables[0].(map[string]any)
	if !ok {
		t.Fatal(tables)
	}
	jsonOf(t, "state", "show", path, "-t", fmt.Sprint(table["uid"], "/", table["table"]))
	one(t, "rows", "state", "export", path, fmt.Sprint(table["uid"]), fmt.Sprint(table["table"]), "-o", filepath.Join(dir, "t.csv"))
	one(t, "location", "state", "bootstrap", script, "--history", "i="+filepath.Join(dir, "in.json"), "-o", filepath.Join(dir, "savepoints"))
	jsonOf(t, "explain", "--diff", path, script)
	if got := jsonOf(t, "sql", "-e", "SELECT 1 AS a; SHOW CATALOGS"); got[0]["a"] != 1. || len(got) != 2 {
		t.Errorf("sql prints %v", got)
	}
	one(t, "plan", "explain", "-e", "SELECT 1 AS a")
	one(t, "version", "version")
	jsonOf(t, "config", "--all")
	one(t, "query", "bench", "nexmark", "--queries", "q0", "--events", "1000")
}

// TestJSONOfLetters: what is printed about dead letters is JSON.
func TestJSONOfLetters(t *testing.T) {
	dir := t.TempDir()
	tables := filepath.Join(dir, "tables.sql")
	table := func(columns, name string) string {
		return "CREATE TABLE " + name + " (" + columns + ") WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '" + filepath.ToSlash(dir) + "/" + name + "');\n"
	}
	text := table("reason STRING, bytes BYTES", "dead") + table("letter STRING", "replayed") + table("t STRING", "good")
	if err := os.WriteFile(tables, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dlq(t, "sql", "-i", tables, "-e", "INSERT INTO dead VALUES ('bad', x'41')"); err != nil {
		t.Fatal(err)
	}
	if n := one(t, "letters", "dlq", "ls", "-i", tables, "dead"); n != "1" {
		t.Error(n)
	}
	if text := one(t, "text", "dlq", "show", "-i", tables, "dead"); text != "A" {
		t.Error(text)
	}
	for _, want := range []string{"1", "0"} {
		if n := one(t, "letters", "dlq", "replay", "-i", tables, "dead", "--into", "good", "--ledger", "replayed", "--query", "SELECT text FROM letters"); n != want {
			t.Errorf("%s letters replayed, want %s", n, want)
		}
	}
}

// TestJSONOfTransactions: what is printed about them is JSON.
func TestJSONOfTransactions(t *testing.T) {
	address := openTransaction(t)
	if state := one(t, "state", "kafka", "abort-transactions", "--bootstrap-servers", address, "--transactional-id-prefix", "p"); !strings.HasPrefix(state, "aborted") {
		t.Error(state)
	}
}
