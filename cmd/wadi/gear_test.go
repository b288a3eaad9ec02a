package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/job"
)

// TestGear: the command shows and changes the gear of a job, and waits for the
// change.
func TestGear(t *testing.T) {
	base := t.TempDir()
	l := newCommandLine(t)
	script := filepath.Join(base, "job.sql")
	text := fmt.Sprintf(`
SET 'pipeline.name' = 'gears';
SET 'execution.checkpointing.dir' = '%s';
SET 'execution.freshness' = '200 ms';
CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.v.min' = '0', 'fields.v.max' = '9');
CREATE TABLE b (v INT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT v, COUNT(*) FROM g GROUP BY v;`, filepath.ToSlash(filepath.Join(base, "checkpoints")))
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile("[0-9a-f]{32}").FindString(l.run("run", "-d", script))
	l.until(id, "RUNNING")
	if got, want := l.run("gear", id), "Job "+id+" is in the pipelined gear.\n"; got != want {
		t.Errorf("%s want %s", got, want)
	}
	got := l.run("gear", id, "STAGED")
	if !regexp.MustCompile(`(?s)^Job ` + id + ` is in the staged gear\.\n[-0-9: ]+  pipelined → staged \(took \S+s, from checkpoint \d+\): somebody has asked for it\n$`).MatchString(got) {
		t.Errorf("changed: %s", got)
	}
	var g rest.Gear
	if err := json.Unmarshal([]byte(l.run("gear", id, "pipelined", "--json")), &g); err != nil || g.Gear != job.Pipelined || len(g.Shifts) != 2 || !g.Shifts[0].Done {
		t.Errorf("%+v %v", g, err)
	}
	l.run("cancel", id)
}
