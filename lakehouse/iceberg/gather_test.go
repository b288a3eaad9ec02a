package iceberg_test

import (
	"testing"

	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestManifestsAreMerged: a table has few manifests however often it is
// committed to, and the record of the epoch stands.
func TestManifestsAreMerged(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		for merge, most := range map[string]int{"true": 5, "false": 14} {
			name := "merge_" + merge
			s := newSink(t, w, eventTable(w, name, map[string]string{
				"format-version": version, "commit.manifest-merge.enabled": merge, "commit.manifest.min-count-to-merge": "5",
			}))
			c := committer(t, s, "a")
			for e := range int64(14) {
				if e == 9 { // it begins again
					c.Close()
					c = committer(t, s, "a")
				}
				if got, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*10, e*10+10)}, true); err != nil || got != stream.Epoch(e+1) {
					t.Fatal(got, err)
				}
			}
			if e, err := c.Published(t.Context()); e != 14 || err != nil {
				t.Errorf("Published = %d, %v", e, err)
			}
			c.Close()
			wantIDs(t, w, name, span(0, 140))
			tbl := w.loadOther(t, name)
			fsys, err := tbl.FS(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			all, err := tbl.CurrentSnapshot().Manifests(fsys)
			if err != nil || len(all) > most || merge == "false" && len(all) != most {
				t.Errorf("merge %s: %d manifests, %v", merge, len(all), err)
			}
			if version == "3" {
				wantRowIDs(t, w, name)
			}
		}
	})
}
