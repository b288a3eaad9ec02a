package top_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/wadi-engine/wadi/cmd/wadi/top"
)

// canned answers with texts, by the beginning of the path.
type canned map[string]string

func (c canned) Do(_ context.Context, _, path string, _, v any) error {
	longest := ""
	for p := range c {
		if strings.HasPrefix(path, p) && len(p) > len(longest) {
			longest = p
		}
	}
	if longest == "" {
		return fmt.Errorf("nothing at %s", path)
	}
	return json.Unmarshal([]byte(c[longest]), v)
}

// cluster is one with a job that has read so many rows, in so many milliseconds,
// half of them busy, and one that has ended.
func cluster(rows, millis int64) canned {
	return canned{
		"/overview":                            `{"taskmanagers": 2, "slots-total": 4, "slots-available": 3, "jobs-running": 1, "jobs-finished": 1}`,
		"/jobs/overview":                       `{"jobs": [{"jid": "old", "name": "old", "state": "FINISHED"}, {"jid": "j", "name": "sums", "state": "RUNNING", "duration": 60000, "tasks": {"total": 2, "running": 2}}]}`,
		"/jobs/j":                              fmt.Sprintf(`{"vertices": [{"id": "a", "name": "Source", "parallelism": 1, "status": "RUNNING", "duration": %d, "metrics": {"write-records": %d, "accumulated-busy-time": %d, "accumulated-backpressured-time": %d}}, {"id": "b", "name": "Sink", "parallelism": 1, "status": "RUNNING", "duration": %[1]d, "metrics": {"read-records": %[2]d}}]}`, millis, rows, millis/2, millis/4),
		"/jobs/j/vertices/a/watermarks":        `[]`,
		"/jobs/j/vertices/b/watermarks":        `[{"id": "0.currentInputWatermark", "value": "1000"}]`,
		"/jobs/j/vertices/a/subtasks":          `[{"id": "numRecordsIn"}, {"id": "source-g.numRecordsOut"}]`,
		"/jobs/j/vertices/a/subtasks/metrics?": fmt.Sprintf(`[{"id": "source-g.numRecordsOut", "sum": %d}]`, rows),
		"/jobs/j/vertices/b/subtasks":          `[{"id": "sink-f.numRecordsIn"}]`,
		"/jobs/j/vertices/b/subtasks/metrics?": fmt.Sprintf(`[{"id": "sink-f.numRecordsIn", "sum": %d}]`, rows/10),
		"/jobs/j/checkpoints":                  `{"counts": {"failed": 1}, "latest": {"completed": {"className": "completed", "id": 7, "status": "COMPLETED", "trigger_timestamp": 98000, "end_to_end_duration": 500, "state_size": 2048}}}`,
	}
}

// TestTop looks twice, and shows what went through in between.
func TestTop(t *testing.T) {
	at := time.UnixMilli(100_000)
	first, err := top.Take(t.Context(), cluster(10_000, 50_000), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if j := first.Jobs[0]; j.Read != 200 || j.Written != 20 {
		t.Errorf("since the job began: %+v", j)
	}
	s, err := top.Take(t.Context(), cluster(12_000, 52_000), at.Add(2*time.Second), first)
	if err != nil {
		t.Fatal(err)
	}
	j := s.Jobs[0]
	if j.Name != "sums" || j.Read != 1000 || j.Written != 100 || j.Checkpoint != 7 || j.CheckpointAgeMillis != 3500 || len(j.Vertices) != 2 {
		t.Errorf("the job: %+v", j)
	}
	if v := j.Vertices[0]; v.In != 1000 || v.Out != 1000 || v.Busy != 0.5 || v.Back != 0.25 || v.WatermarkMillis != nil {
		t.Errorf("the source: %+v", v)
	}
	text := top.View{Selected: 0}.Text(s)
	for _, want := range []string{"workers 2  slots 4, 3 free", "> ", "sums", "2/2", "1000", "7 (1 failed)", "2.05 kB", "50%   25%", "1970-01-01 00:00:01"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "old") {
		t.Errorf("a job that has ended is shown:\n%s", text)
	}
	for line := range strings.Lines(top.View{Width: 40, Ended: true}.Text(s)) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 40 {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if _, err := top.Take(t.Context(), canned{}, at, nil); err == nil {
		t.Error("a cluster that does not answer")
	}
}
