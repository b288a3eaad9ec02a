package sqltest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
)

// Running waits for the one job that runs, and gives its id.
func Running(t *testing.T, env *wadi.Env) string {
	t.Helper()
	var id string
	await.Text(t, "a job runs", func() string {
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
