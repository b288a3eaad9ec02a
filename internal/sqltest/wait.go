package sqltest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi"
)

// Eventually waits until something is as it should be, which the test's time limits.
func Eventually(t *testing.T, want string, is func() string) {
	t.Helper()
	var got string
	for tick := time.Tick(20 * time.Millisecond); ; <-tick {
		if got = is(); got == want {
			return
		}
		if t.Context().Err() != nil || late(t) {
			t.Fatalf("%s, want %s", got, want)
		}
	}
}

// late reports that the test has little time left.
func late(t *testing.T) bool {
	end, ok := t.Deadline()
	return ok && time.Until(end) < 10*time.Second
}

// Until waits for a condition that a job or a cluster reaches.
func Until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-late:
			t.Fatalf("%s did not happen", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// Running waits for the one job that runs, and gives its id.
func Running(t *testing.T, env *wadi.Env) string {
	t.Helper()
	var id string
	Eventually(t, "a job runs", func() string {
		rows, err := Shown(t, env, "SHOW JOBS")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1 || !strings.Contains(rows[0], ", RUNNING, ") {
			return fmt.Sprint(rows)
		}
		id, _, _ = strings.Cut(rows[0], ",")
		return "a job runs"
	})
	return id
}
