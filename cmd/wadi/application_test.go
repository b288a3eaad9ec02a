package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunApplication: a cluster for one script takes a worker, runs the script's job
// on it, and ends.
func TestRunApplication(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprintf("jobmanager.rpc.port=%d", l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	worker := exec.CommandContext(t.Context(), os.Args[0], "worker", "-D", port)
	worker.Env = append(os.Environ(), "WADI_TEST_PROGRAM=1")
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = worker.Process.Kill() // it waits for the next coordinator
		_ = worker.Wait()
	}()
	script := filepath.Join(dir, "job.sql")
	text := `SET 'execution.runtime-mode' = 'batch';
		CREATE TABLE numbers (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '100', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '100');
		CREATE TABLE target (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://` + dir + `/out');
		INSERT INTO target SELECT id FROM numbers;`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := execute(context.WithoutCancel(t.Context()), []string{"run", "-t", "application", "-D", port, "-D", "rest.port=0", script}); code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	files, err := filepath.Glob(dir + "/out/[^._]*")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rows += strings.Count(string(data), "\n")
	}
	if rows != 100 {
		t.Errorf("%d rows, want 100", rows)
	}
	if code := execute(t.Context(), []string{"run", "-t", "nowhere", script}); code != exitBad {
		t.Errorf("exit code %d of a target that there is not", code)
	}
}
