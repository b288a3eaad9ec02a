package wadi_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// camelCase is what there is to say about Flink's names, and about no other.
const camelCase = "metric names should be written in 'snake_case' not 'camelCase'"

// lint finds nothing else to say about /metrics, with promtool where there is one,
// and with the linter that it has.
func (s served) lint() {
	s.t.Helper()
	_, text := s.ask("GET", "/metrics", "")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		s.t.Error(err)
	}
	for _, p := range problems {
		if p.Text != camelCase || !flinks(p.Metric) {
			s.t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	s.t.Run("promtool", func(t *testing.T) {
		program := testserver.Promtool(t)
		var own strings.Builder
		for line := range strings.Lines(text) {
			if name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), " "); !strings.HasPrefix(name, "flink_") {
				own.WriteString(line)
			}
		}
		if said := promtool(t, program, own.String()); said != "" || own.Len() == 0 {
			t.Errorf("of names that are not Flink's:\n%s", said)
		}
		for line := range strings.Lines(promtool(t, program, text)) {
			if name, what, _ := strings.Cut(strings.TrimSpace(line), " "); what != camelCase || !flinks(name) {
				t.Error(line)
			}
		}
	})
}

// flinks reports whether a name is one of those that Flink's metrics have.
func flinks(name string) bool {
	for _, d := range metrics.Definitions() {
		if d.Scope != metrics.Own && d.FullName() == name {
			return true
		}
	}
	return false
}

// promtool returns what promtool says about metrics.
func promtool(t *testing.T, program, text string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); (err == nil) != (said.Len() == 0) {
		t.Fatalf("promtool: %v: %s", err, said.String())
	}
	return said.String()
}
