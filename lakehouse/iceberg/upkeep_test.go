package iceberg_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// TestUpkeep: a sink gathers its small files and forgets its old snapshots
// while it goes on, and what it has published stays known.
func TestUpkeep(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			var log bytes.Buffer
			w := newWarehouse(t, "jdbc")
			w.env.Log = slog.New(slog.NewTextHandler(&log, nil))
			s := newSink(t, w, eventTable(w, "events", map[string]string{
				"format-version": version, "sink.commit.max-age": "0",
				"flink-maintenance.rewrite.enabled": "true", "flink-maintenance.rewrite.schedule.commit-count": "4",
				"flink-maintenance.rewrite.min-input-files":  "2",
				"flink-maintenance.expire-snapshots.enabled": "true", "flink-maintenance.expire-snapshots.schedule.commit-count": "8",
				"flink-maintenance.expire-snapshots.max-snapshot-age-seconds": "0", "flink-maintenance.expire-snapshots.retain-last": "2",
			}))
			c := committer(t, s, "a")
			for e := range int64(9) {
				got, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*10, e*10+10)}, false)
				if err != nil || got != stream.Epoch(e+1) {
					t.Fatalf("Commit = %d, %v", got, err)
				}
				iceberg.AwaitUpkeep(c)
			}
			wantIDs(t, w, "events", span(0, 90))
			if data, _ := w.files(t, "events"); data != 2 {
				t.Errorf("%d data files: after eight commits one is left, and then comes another", data)
			}
			if n := len(w.loadOther(t, "events").Metadata().Snapshots()); n > 4 {
				t.Errorf("%d snapshots", n)
			}
			if e, err := c.Published(t.Context()); e != 9 || err != nil {
				t.Errorf("Published = %d, %v", e, err)
			}
			c.Close()
			if text := log.String(); !strings.Contains(text, "rewrote data files") || !strings.Contains(text, "table=default.events replaced=4 by=1") || strings.Contains(text, "WARN") {
				t.Error(text)
			}
		})
	}
}

// TestUpkeepMeetsWriter: commits and rewrites at once lose nothing.
func TestUpkeepMeetsWriter(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", map[string]string{
		"sink.commit.max-age": "0", "compaction-enabled": "true", "flink-maintenance.rewrite.schedule.commit-count": "1",
		"flink-maintenance.rewrite.min-input-files": "2",
	}))
	c := committer(t, s, "a")
	for e := range int64(20) {
		if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*10, e*10+10)}, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil { // in the middle of a rewrite
		t.Fatal(err)
	}
	wantIDs(t, w, "events", span(0, 200))
}

func TestUpkeepOptions(t *testing.T) {
	for options, want := range map[string]string{
		"compaction-enabled=maybe": "want true or false",
		"flink-maintenance.rewrite.enabled=true;flink-maintenance.rewrite.max-bytes=much":                             "want a size",
		"flink-maintenance.delete-orphan-files.enabled=true;flink-maintenance.delete-orphan-files.min-age-seconds=60": "24 hours",
		"flink-maintenance.expire-snapshots.enabled=true;flink-maintenance.expire-snapshots.retain-last=-1":           "not negative",
	} {
		w := newWarehouse(t, "jdbc")
		set := map[string]string{}
		for _, pair := range strings.Split(options, ";") {
			k, v, _ := strings.Cut(pair, "=")
			set[k] = v
		}
		_, err := iceberg.Connector(w.env).Sink(t.Context(), eventTable(w, "events", set))
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", options, err)
		}
	}
}
