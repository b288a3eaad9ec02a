package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeployed: a job that is deployed runs when it is triggered, as processes of
// which none waits for another; with nothing to read there is no epoch.
func TestDeployed(t *testing.T) {
	t.Setenv("WADI_TEST_PROGRAM", "1") // for those that are started
	dir := filepath.ToSlash(t.TempDir())
	storage := "execution.checkpointing.dir=file://" + dir + "/checkpoints"
	command := func(words ...string) {
		t.Helper()
		if code := execute(context.WithoutCancel(t.Context()), words); code != exitDone {
			t.Fatalf("%v: exit code %d", words, code)
		}
	}
	script := filepath.Join(dir, "job.sql")
	text := `SET 'pipeline.name' = 'counts'; SET 'execution.functions.target' = 'local:?memory=1gb&timeout=1min'; SET 'parallelism.default' = '2';
		SET 'execution.functions.fuse' = 'off';
		CREATE TABLE arrivals (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://` + dir + `/in','format'='csv','source.monitor-interval'='1 s');
		CREATE TABLE firsts (k STRING, v BIGINT) WITH ('connector'='filesystem','path'='file://` + dir + `/out','format'='csv');
		INSERT INTO firsts SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY PROCTIME()) AS n FROM arrivals) WHERE n = 1;`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/in", 0o700); err != nil {
		t.Fatal(err)
	}
	command("deploy", script, "-D", storage)
	for n := range 3 { // each file has a key that is known, and one that is not
		rows := fmt.Sprintf("k0,%d\nk%d,%d\n", n, n, n)
		if err := os.WriteFile(fmt.Sprintf("%s/in/%d.csv", dir, n), []byte(rows), 0o600); err != nil {
			t.Fatal(err)
		}
		command("trigger", "counts", "-D", storage)
		command("trigger", "-D", storage)
	}
	files, err := filepath.Glob(dir + "/out/[^._]*")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.Fields(string(data))...)
	}
	if len(all) != 3 {
		t.Errorf("%v, want one row of each of three keys", all)
	}
	command("deployments", "-D", storage)
	command("undeploy", "counts", "-D", storage)
	if code := execute(t.Context(), []string{"trigger", "counts", "-D", storage}); code != exitBad {
		t.Errorf("a job that is not deployed: exit code %d", code)
	}
}
