package metrics_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/engine/metrics"
)

var rewrite = flag.Bool("rewrite", false, "write the table of docs/metrics.md anew")

const (
	document = "../../docs/metrics.md"
	begin    = "<!-- the table is written by go test ./engine/metrics -rewrite -->\n"
)

// TestDocument keeps the table of docs/metrics.md what the code says.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	head, table, ok := strings.Cut(string(data), begin)
	if !ok {
		t.Fatalf("%s has no place for the table", document)
	}
	var want strings.Builder
	scope := metrics.Scope(255)
	for _, d := range metrics.Definitions() {
		if d.Scope != scope {
			scope = d.Scope
			fmt.Fprintf(&want, "\n### %s\n\n| metric | in the REST API | kind | |\n| --- | --- | --- | --- |\n", titles[scope])
		}
		name, of := "`"+d.FullName()+"`", "`"+d.Name+"`"
		if d.Kind == metrics.Text {
			name = ""
		}
		if scope == metrics.Own {
			of = ""
		}
		fmt.Fprintf(&want, "| %s | %s | %v | %s |\n", name, of, d.Kind, d.Help)
	}
	if *rewrite {
		if err := os.WriteFile(document, []byte(head+begin+want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want.String() {
		t.Errorf("%s is not what the code says: go test ./engine/metrics -rewrite", document)
	}
}

var titles = map[metrics.Scope]string{
	metrics.JobManager: "The coordinator", metrics.JobManagerJob: "Jobs", metrics.TaskManager: "Workers",
	metrics.Task: "Tasks", metrics.Operator: "Operators", metrics.Latency: "Latency", metrics.Own: "Wadi's own",
}
