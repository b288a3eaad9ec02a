package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/await"
)

// TestWatch: wadi trigger --watch is a timer: what arrives is read without another
// word, until it is interrupted.
func TestWatch(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	storage := "execution.checkpointing.dir=file://" + dir + "/checkpoints"
	script := filepath.Join(dir, "job.sql")
	text := `SET 'pipeline.name' = 'watched'; SET 'execution.functions.schedule' = '1 ms';
		CREATE TABLE arrivals (k STRING) WITH ('connector'='filesystem','path'='file://` + dir + `/in','format'='csv','source.monitor-interval'='1 s');
		CREATE TABLE copies (k STRING) WITH ('connector'='filesystem','path'='file://` + dir + `/out','format'='csv');
		INSERT INTO copies SELECT k FROM arrivals;`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/in", 0o700); err != nil {
		t.Fatal(err)
	}
	if code := execute(t.Context(), []string{"deploy", script, "-D", storage}); code != exitDone {
		t.Fatalf("deploy: exit code %d", code)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, []string{"trigger", "--watch", "20ms", "-D", storage}) }()
	read := func() string {
		var all []string
		files, _ := filepath.Glob(dir + "/out/[^._]*")
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				return err.Error()
			}
			all = append(all, strings.Fields(string(data))...)
		}
		return strings.Join(all, " ")
	}
	for _, c := range []struct{ name, want string }{{"a", "a"}, {"b", "a b"}} {
		if err := os.WriteFile(dir+"/in/"+c.name, []byte(c.name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		await.Text(t, c.want, read)
	}
	stop()
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
