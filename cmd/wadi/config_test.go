package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run carries out a command line, and gives what it prints.
func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(arguments)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestConfigVerb(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("rest:\n  port: 8090\nwadi.cluster.secret: s3same\nenv.java.home: /java\nstate.checkpoints.dir: /c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WADI_PROPERTIES", "parallelism.default: 2")
	for _, c := range []struct {
		args        string
		want, never []string
	}{
		{
			"config --config-dir " + dir + " -D parallelism.default=4 -D pipeline.name=n",
			[]string{"| 4 ", "command line", "config.yaml:2:3", "******", "No meaning here, because there is no JVM", "execution.checkpointing.dir", "keys have their defaults"},
			[]string{"s3same", "heartbeat.timeout"},
		},
		{"config --all", []string{"| heartbeat.timeout ", "| 50 s", "| default", "environment WADI_PROPERTIES:1:1"}, nil},
		{"config --json", []string{`[{"key":"parallelism.default","value":"2","layer":"environment","place":"WADI_PROPERTIES:1:1"}]`}, nil},
		{"config --explain restart-strategy", []string{"restart-strategy.type (enum)", "fixed-delay", "older names: restart-strategy"}, nil},
		{"config --explain state.backend.local-recovery", []string{"execution.checkpointing.local-backup.enabled", "execution.state-recovery.from-local"}, nil},
		{"config --explain parallelism.default --json", []string{`"type":"int"`, `"value":"2"`}, nil},
	} {
		got, err := run(t, strings.Fields(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s lacks %q:\n%s", c.args, w, got)
			}
		}
		for _, n := range c.never {
			if strings.Contains(got, n) {
				t.Errorf("%s shows %q:\n%s", c.args, n, got)
			}
		}
	}
	for args, want := range map[string]string{
		"config -D rest.prot=1":      "-D: invalid request: no configuration key 'rest.prot'; did you mean 'rest.port'?",
		"config --explain rest.prot": "did you mean 'rest.port'?",
		"config --config-dir /none":  "/none/config.yaml",
		"list -D rest.port=x":        "'rest.port' must be a number from 0 to 65535, not 'x'",
		"sql -e x -D rest.port=x":    "'rest.port' must be a number from 0 to 65535, not 'x'",
		"run -d job.sql -D x=1":      "no configuration key 'x'",
		"worker -D slot.idle":        "want key=value",
	} {
		if _, err := run(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) || codeOf(err) != exitBad {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// TestVerbsFindTheCluster: rest.address, rest.port and wadi.rest.token say where the
// cluster is; -m and --token say otherwise.
func TestVerbsFindTheCluster(t *testing.T) {
	l := newCommandLine(t)
	_, port, _ := strings.Cut(l.address, ":")
	t.Setenv("WADI_PROPERTIES", "{rest.address: 127.0.0.1, rest.port: "+port+"}")
	if got, err := run(t, "list"); err != nil || !strings.Contains(got, "No running jobs") {
		t.Errorf("list: %s, %v", got, err)
	}
	if _, err := run(t, "list", "-m", "127.0.0.1:1"); err == nil {
		t.Error("-m counts for nothing")
	}
	script := filepath.Join(t.TempDir(), "job.sql")
	text := "CREATE TABLE b (i INT) WITH ('connector' = 'blackhole'); INSERT INTO b VALUES (1)"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOB_NAME", "by ${reference}")
	got, err := run(t, "run", script, "-D", "execution.target=remote", "-D", "pipeline.name=${env:JOB_NAME}")
	if err != nil || !strings.Contains(got, "Job has been submitted with JobID ") {
		t.Errorf("run: %s, %v", got, err)
	}
	if got, err := run(t, "list", "-a"); err != nil || !strings.Contains(got, "by ${reference}") {
		t.Errorf("list: %s, %v", got, err)
	}
}
