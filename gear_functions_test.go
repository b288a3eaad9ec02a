package wadi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/lambda"
)

// troubled is a function of which every fifth reply is lost, and which every
// seventh event reaches twice at once.
type troubled struct {
	lambda.Host
	events atomic.Int64
}

func (f *troubled) handle(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	handle := wadi.StageHandler(wadi.Options{})
	n := f.events.Add(1)
	if n%7 != 0 {
		return handle(ctx, event)
	}
	var beside sync.WaitGroup
	beside.Go(func() { _, _ = handle(ctx, event) }) // whose reply nobody gets
	defer beside.Wait()
	return handle(ctx, event)
}

func (f *troubled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n := f.events.Load(); n%5 != 4 {
		f.Host.ServeHTTP(w, r)
		return
	}
	f.Host.ServeHTTP(httptest.NewRecorder(), r)
	w.WriteHeader(http.StatusBadGateway)
}

func serveFunction(t *testing.T) (f *troubled, url string) {
	t.Helper()
	f = &troubled{}
	f.Host = lambda.Host{Handler: f.handle, Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL
}

// TestFunctions: a job runs pipelined, goes on as functions whose replies get
// lost and which run twice, and ends pipelined: each row is there once.
func TestFunctions(t *testing.T) {
	calm, dir := t.TempDir(), t.TempDir()
	gear(t, calm, false, nil, nil, nil)
	want := output(t, calm)
	after := func(epoch uint64) func(wadi.Progress) bool {
		return func(p wadi.Progress) bool { return uint64(p.Epoch) >= epoch }
	}
	first := gear(t, dir, true, nil, nil, after(3))
	f, url := serveFunction(t)
	second := gear(t, dir, true, map[string]string{
		"execution.gear": "functions", "execution.functions.target": url, "wadi.staged.rows-per-epoch": "1000",
	}, nil, after(uint64(first.Epoch)+4))
	if second.State != coordinator.Stopped || second.Restored < first.Epoch || second.Restarts > 0 || f.events.Load() < 16 {
		t.Fatalf("functions: %+v after %d events, want a stop behind epoch %d", second, f.events.Load(), first.Epoch)
	}
	gear(t, dir, false, nil, nil, nil)
	if got := output(t, dir); !slices.Equal(got, want) {
		t.Errorf("%d rows, want the %d of the undisturbed run", len(got), len(want))
	}
	if left := channelsOf(t, dir); len(left) > 0 {
		t.Errorf("channels stay: %v", left)
	}
}

// TestFunctionsRefused: what is missing or wrong is said before anything runs.
func TestFunctionsRefused(t *testing.T) {
	for _, c := range []struct {
		config map[string]string
		want   string
	}{
		{map[string]string{"execution.functions.target": "http://localhost:1"}, "set 'execution.checkpointing.dir'"},
		{map[string]string{"execution.checkpointing.dir": "mem://x"}, "'execution.functions.target' = '': want a URL of http, https"},
		{map[string]string{"execution.checkpointing.dir": "mem://x", "execution.functions.target": "http://localhost:1", "execution.functions.attempts": "0"}, "must be a number from 1 on"},
	} {
		c.config["execution.gear"] = "functions"
		env, err := wadi.Local(wadi.Options{Config: c.config})
		if err == nil {
			_, err = env.SQL("SELECT 1 AS a").Collect(t.Context())
			_ = env.Close() // there is nothing in it
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.config, err, c.want)
		}
	}
}
