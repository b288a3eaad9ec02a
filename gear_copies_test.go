package wadi_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/lambda"
)

// TestFunctionKeepsState: a function keeps the newest runs of state on its disk, as far
// as there is room, and what processes before it have left is removed. State that lies
// on the disk already is not copied.
func TestFunctionKeepsState(t *testing.T) {
	for _, c := range []struct {
		store, size string
		kept        bool
	}{{"mem://" + t.Name(), "1 mb", true}, {"mem://" + t.Name() + "none", "0", false}, {"file://" + t.TempDir(), "1 mb", false}} {
		temp := t.TempDir()
		left := filepath.Join(temp, "wadi-copies-999999999") // no process has such a number
		if err := os.Mkdir(left, 0o700); err != nil {
			t.Fatal(err)
		}
		handle := wadi.StageHandler(wadi.Options{Config: map[string]string{"io.tmp.dirs": temp}})
		server := httptest.NewServer(lambda.Host{Log: slog.New(slog.DiscardHandler), Handler: handle})
		gear(t, t.TempDir(), false, map[string]string{
			"execution.gear": "functions", "execution.functions.target": server.URL, "wadi.staged.rows-per-epoch": "4000",
			"execution.checkpointing.dir": c.store, "execution.functions.cache-size": c.size,
		}, nil, nil)
		server.Close()
		runs, err := filepath.Glob(filepath.Join(temp, fmt.Sprintf("wadi-copies-%d", os.Getpid()), "*", "shared", "*"))
		if err != nil || len(runs) > 0 != c.kept {
			t.Errorf("%s: %v, %v: want copies: %t", c.store, runs, err, c.kept)
		}
		if _, err := os.Stat(left); (err == nil) == (c.store[0] == 'm') {
			t.Errorf("%s: what another process has left: %v", c.store, err)
		}
	}
}
