package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/engine/logs"
	"github.com/wadi-engine/wadi/internal/await"
)

func TestFlagsOfFlink(t *testing.T) {
	for line, want := range map[string]string{
		"stop -detached -p d JOB":           "stop --detached -p d JOB",
		"run -m h:1 -cm claim -s p f":       "run -m h:1 --claimMode claim -s p f",
		"run -cm=claim f":                   "run --claimMode=claim f",
		"savepoint -type native JOB -- -cm": "savepoint --type native JOB -- -cm",
		"sql -cm":                           "sql -cm",
	} {
		if got := strings.Join(fromFlink(strings.Fields(line)), " "); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := fromFlink(nil); len(got) != 0 {
		t.Error(got)
	}
}

// commandLine runs commands against a cluster of its own and returns what they
// print.
type commandLine struct {
	t       *testing.T
	address string
}

func (l commandLine) run(args ...string) string {
	l.t.Helper()
	root, out := newRoot(), &bytes.Buffer{}
	root.SetOut(out)
	root.SetArgs(fromFlink(append(args, "-m", l.address)))
	if err := root.ExecuteContext(l.t.Context()); err != nil {
		l.t.Fatalf("%q: %v", args, err)
	}
	return out.String()
}

func newCommandLine(t *testing.T) commandLine {
	t.Helper()
	log, err := logs.New(logs.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s, err := wadi.NewSession(wadi.Options{Config: map[string]string{"rest.port": "0"}, Log: log.Logger(), Logs: log})
	if err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Serve(ctx, wadi.ServeOptions{Ready: func(a net.Addr) { ready <- a }}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-ready:
		return commandLine{t, a.String()}
	case err := <-ended:
		t.Fatal(err)
	}
	panic("unreachable")
}

// TestVerbsOfFlink runs a job through every verb, and reads the lines that
// Flink's command line prints.
func TestVerbsOfFlink(t *testing.T) {
	base := t.TempDir()
	l := newCommandLine(t)
	script := filepath.Join(base, "job.sql")
	text := fmt.Sprintf(`
SET 'pipeline.name' = 'verbs';
SET 'execution.checkpointing.dir' = '%s';
CREATE TABLE g (id BIGINT, v INT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.v.min' = '0', 'fields.v.max' = '9');
CREATE TABLE b (v INT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT v, COUNT(*) FROM g GROUP BY v;`, filepath.Join(base, "checkpoints"))
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	matches := func(what, got, want string) []string {
		t.Helper()
		m := regexp.MustCompile("^" + want + "$").FindStringSubmatch(got)
		if m == nil {
			t.Fatalf("%s prints\n%s\nwant\n%s", what, got, want)
		}
		return m
	}
	id := matches("run", l.run("run", "-d", script), "Job has been submitted with JobID ([0-9a-f]{32})\n")[1]
	l.until(id, "RUNNING")
	matches("list", l.run("list"), `Waiting for response\.\.\.
-{18} Running/Restarting Jobs -{19}
\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d : `+id+` : verbs \(RUNNING\)
-{62}
No scheduled jobs\.
`)
	matches("checkpoint", l.run("checkpoint", id), "Triggering checkpoint for job "+id+`\.
Waiting for response\.\.\.
Checkpoint\(CONFIGURED\) \d+ for job `+id+` completed\.
You can resume your program from this checkpoint with the run command\.
`)
	saved := matches("savepoint", l.run("savepoint", id, filepath.Join(base, "savepoints")), "Triggering savepoint for job "+id+`\.
Waiting for response\.\.\.
Savepoint completed\. Path: (\S+/savepoint-`+id[:6]+`-[0-9a-f]{12})
You can resume your program from this savepoint with the run command\.
`)[1]
	stopped := matches("stop", l.run("stop", "-p", filepath.Join(base, "savepoints"), id), `Suspending job "`+id+`" with a savepoint\.
Savepoint completed\. Path: (\S+)
`)[1]
	again := matches("run -s", l.run("run", "-d", "-s", stopped, "-cm", "claim", script), "Job has been submitted with JobID ([0-9a-f]{32})\n")[1]
	l.until(again, "RUNNING")
	matches("dispose", l.run("savepoint", "-d", saved), "Disposing savepoint '"+saved+`'\.
Waiting for response\.\.\.
Savepoint '`+saved+`' disposed\.
`)
	matches("cancel", l.run("cancel", again), "Cancelling job "+again+`\.
Cancelled job `+again+`\.
`)
	l.until(again, "CANCELED")
	matches("list -a", l.run("list", "-a"), `(?s)Waiting for response\.\.\.
No running jobs\.
No scheduled jobs\.
-{22} Terminated Jobs -{23}
.* : `+id+` : verbs \(FINISHED\)
.* : `+again+` : verbs \(CANCELED\)
-{62}
`)
}

// until waits until a job has a state.
func (l commandLine) until(id, state string) {
	l.t.Helper()
	var jobs []struct{ JID, State string }
	await.That(l.t, "job "+id+" is "+state, func() bool {
		if err := json.Unmarshal([]byte(l.run("list", "-a", "--json")), &jobs); err != nil {
			l.t.Fatal(err)
		}
		return slices.ContainsFunc(jobs, func(j struct{ JID, State string }) bool { return j.JID == id && j.State == state })
	})
}
