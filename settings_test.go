package wadi_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
)

// TestSettingsWithoutEffectAreTold: a line for each reason, when the Env is made
// and when a statement sets a key.
func TestSettingsWithoutEffectAreTold(t *testing.T) {
	var log bytes.Buffer
	e, err := wadi.Local(wadi.Options{
		Log:    slog.New(slog.NewTextHandler(&log, nil)),
		Config: map[string]string{"env.java.home": "/java", "jobmanager.memory.heap.size": "1g", "python.executable": "python3", "rest.port": "8090"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if n := strings.Count(log.String(), "has no meaning here"); n != 2 || !strings.Contains(log.String(), `keys="env.java.home, jobmanager.memory.heap.size"`) {
		t.Errorf("%d lines:\n%s", n, &log)
	}
	log.Reset()
	script := "SET 'state.backend.rocksdb.files.open' = '7'; SET 'rest.port' = '1'; SET 'parallelism.default' = '2'; SET 'io.tmp.dirs' = '/tmp'"
	if err := e.Execute(t.Context(), script, func(wadi.Outcome) error { return nil }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "there is no RocksDB") || !strings.Contains(lines[1], "belongs to the process") {
		t.Errorf("told:\n%s", &log)
	}
}
