package wadi_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
)

// TestDiagnose looks at storage that is there and storage that is not, and at a port
// that is in use.
func TestDiagnose(t *testing.T) {
	base := t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := wadi.Local(wadi.Options{Config: map[string]string{
		"execution.checkpointing.dir": filepath.Join(base, "checkpoints"), "execution.checkpointing.savepoint-dir": filepath.Join(file, "below"),
		"rest.port": port, "jobmanager.rpc.port": "0", "io.tmp.dirs": filepath.Join(base, "nowhere"), "taskmanager.memory.process.size": "900000g",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	found := map[string]wadi.Check{}
	for _, c := range env.Diagnose(t.Context()) {
		found[c.Name] = c
		if (c.Verdict == wadi.Fine) != (c.Advice == "") {
			t.Errorf("%+v", c)
		}
	}
	for name, want := range map[string]struct {
		verdict wadi.Verdict
		text    string
	}{
		"storage " + filepath.Join(base, "checkpoints"):           {wadi.Fine, "one writer wins"},
		"clock and storage " + filepath.Join(base, "checkpoints"): {wadi.Fine, "0s from"},
		"storage " + filepath.Join(file, "below"):                 {wadi.Problem, ""},
		"REST API":                               {wadi.Warning, "is in use"},
		"port for workers":                       {wadi.Fine, "is free"},
		"disk " + filepath.Join(base, "nowhere"): {wadi.Problem, "no such file"},
	} {
		if c := found[name]; c.Verdict != want.verdict || !strings.Contains(c.Text, want.text) {
			t.Errorf("%s: %+v, want %+v", name, c, want)
		}
	}
	if c := found["memory"]; c.Verdict == wadi.Warning {
		t.Errorf("%+v", c)
	}
	if left, err := filepath.Glob(filepath.Join(base, "checkpoints", "*")); err != nil || len(left) > 0 {
		t.Errorf("it has left %q", left)
	}
}
