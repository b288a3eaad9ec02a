package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lambda"
	"github.com/wadi-engine/wadi/lambda/local"
)

// TestMain lets this program be the function, too.
func TestMain(m *testing.M) {
	if os.Getenv("WADI_TEST_FUNCTION") == "" {
		os.Exit(m.Run())
	}
	_ = lambda.Host{Handler: handle, Getenv: os.Getenv, Log: slog.New(slog.DiscardHandler)}.Serve(context.Background())
}

var kept [][]byte

// handle does what the event says.
func handle(ctx context.Context, event json.RawMessage) (json.RawMessage, error) {
	switch string(event) {
	case `"exit"`:
		os.Exit(3)
	case `"wait"`:
		<-ctx.Done()
		select {}
	case `"invalid"`:
		return nil, fmt.Errorf("%w: the table is gone", job.ErrInvalid)
	case `"fill"`:
		for {
			b := make([]byte, 8<<20)
			for i := range b {
				b[i] = 1
			}
			kept = append(kept, b)
		}
	}
	return json.Marshal(os.Getpid())
}

func platform(t *testing.T, o local.Options) *local.Platform {
	t.Helper()
	o.Command, o.Env, o.Keep = []string{os.Args[0]}, []string{"WADI_TEST_FUNCTION=1"}, 4
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	p := local.New(o)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func pid(t *testing.T, p *local.Platform) (pid int) {
	t.Helper()
	reply, err := p.Invoke(t.Context(), json.RawMessage(`{}`))
	if err == nil {
		err = json.Unmarshal(reply, &pid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestWarm: an instance is frozen behind an event, and answers the next.
func TestWarm(t *testing.T) {
	p := platform(t, local.Options{})
	first := pid(t, p)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", first))
	for ; err == nil && !strings.Contains(string(status), "T (stopped)"); status, err = os.ReadFile(fmt.Sprintf("/proc/%d/status", first)) {
		if t.Context().Err() != nil {
			t.Fatalf("not frozen: %s", status)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if second := pid(t, p); second != first {
		t.Errorf("answered by process %d, want %d again", second, first)
	}
	if c := p.Counts(); c.Invocations != 2 || c.Starts != 1 || c.Billed <= 0 {
		t.Errorf("%+v", c)
	}
}

// TestEnds: an instance that ends, hangs or grows is told from one that fails,
// and the next event gets another.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		event, want string
		class       error
		options     local.Options
	}{
		{`"exit"`, "Runtime.ExitError: the process ended: exit status 3", job.ErrUnavailable, local.Options{}},
		{`"wait"`, "Sandbox.Timedout: no answer after 300ms: give the function more time", job.ErrUnavailable, local.Options{Timeout: 300 * time.Millisecond}},
		{`"fill"`, "Runtime.OutOfMemory", job.ErrUnavailable, local.Options{Memory: 200 << 20}},
		{`"invalid"`, "the table is gone", job.ErrInvalid, local.Options{}},
	} {
		t.Run(c.event, func(t *testing.T) {
			p := platform(t, c.options)
			_, err := p.Invoke(t.Context(), json.RawMessage(c.event))
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.class) {
				t.Errorf("%v, want %s, %v", err, c.want, c.class)
			}
			pid(t, p)
		})
	}
}
