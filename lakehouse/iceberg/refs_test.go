package iceberg_test

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// wantIDsAt reads a branch or tag with iceberg-go.
func wantIDsAt(t *testing.T, w *warehouse, name, ref string, want []int64) {
	t.Helper()
	tbl := w.loadOther(t, name)
	s := tbl.SnapshotByName(ref)
	if s == nil {
		t.Fatalf("no %s", ref)
	}
	var ids []int64
	_, records, err := tbl.Scan(table.WithSelectedFields("id"), table.WithSnapshotID(s.SnapshotID)).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.Column(0).(*array.Int64).Int64Values()...)
		rec.Release()
	}
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		t.Errorf("%s: %d ids %v, want %d", ref, len(ids), ids, len(want))
	}
}

// commit publishes one epoch, twice.
func commit(t *testing.T, s ops.Sink, name string, epoch stream.Epoch, from, to int64) {
	t.Helper()
	one := []ops.Pending{stage(t, s, epoch, from, to)}
	for range 2 {
		c := committer(t, s, name)
		if e, err := c.Commit(t.Context(), one, true); e != epoch || err != nil {
			t.Fatalf("Commit = %d, %v", e, err)
		}
		if e, err := c.Published(t.Context()); e != epoch || err != nil {
			t.Fatalf("Published = %d, %v", e, err)
		}
		c.Close()
	}
}

// eachFormat runs a test with all catalogs and formats.
func eachFormat(t *testing.T, test func(t *testing.T, w *warehouse, version string)) {
	for _, kind := range []string{"jdbc", "hadoop"} {
		for _, version := range []string{"2", "3"} {
			t.Run(kind+"/v"+version, func(t *testing.T) { test(t, newWarehouse(t, kind), version) })
		}
	}
}

func TestSinkWritesToABranch(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		format := map[string]string{"format-version": version}
		onMain := newSink(t, w, eventTable(w, "events", format))
		onAudit := newSink(t, w, eventTable(w, "events", map[string]string{"branch": "audit", "snapshot-property.team": "blue"}))
		commit(t, onMain, "a", 1, 0, 10)
		commit(t, onAudit, "b", 1, 10, 20) // the branch begins at main
		commit(t, onMain, "a", 2, 20, 30)
		commit(t, onAudit, "b", 2, 30, 40)
		wantIDs(t, w, "events", append(span(0, 10), span(20, 30)...))
		wantIDsAt(t, w, "events", "audit", append(span(0, 20), span(30, 40)...))
		tbl := w.loadOther(t, "events")
		if got := tbl.SnapshotByName("audit").Summary.Properties; got["team"] != "blue" || got["flink.max-committed-checkpoint-id"] != "2" || got["wadi.epoch"] != "2" {
			t.Errorf("summary %v", got)
		}
		c := w.open(t)
		if _, _, err := maintain.FastForward(t.Context(), c, "events", "main", "audit"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "ancestor") {
			t.Error(err)
		}
		// A branch that was dropped has forgotten what was committed to it.
		if _, err := maintain.DropRef(t.Context(), c, "events", "audit", false); err != nil {
			t.Fatal(err)
		}
		commit(t, onAudit, "b", 1, 10, 20)
		wantIDsAt(t, w, "events", "audit", span(0, 30))
		if from, to, err := maintain.FastForward(t.Context(), c, "events", "main", "audit"); err != nil || from == to {
			t.Errorf("%d %d %v", from, to, err)
		}
		wantIDs(t, w, "events", span(0, 30))
	})
}

func TestConcurrentBranches(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		w := newWarehouse(t, "jdbc")
		commit(t, newSink(t, w, eventTable(w, "events", map[string]string{"format-version": version})), "first", 1, 0, 10)
		var wg sync.WaitGroup
		const branches, epochs = 4, 8
		for b := range int64(branches) {
			s := newSink(t, w, eventTable(w, "events", map[string]string{"branch": fmt.Sprint("b", b)}))
			var all []ops.Pending
			for e := range int64(epochs) {
				all = append(all, stage(t, s, stream.Epoch(e+1), 100*b+10*e+100, 100*b+10*e+110))
			}
			wg.Go(func() {
				for e := range epochs {
					for range 2 {
						c, err := s.Committer(background, ops.SinkID{Job: "job", Sink: fmt.Sprint(b)})
						if err != nil {
							t.Error(err)
							return
						}
						if got, err := c.Commit(background, all[:e+1], true); err != nil || got != stream.Epoch(e+1) {
							t.Errorf("branch %d: Commit = %d, %v", b, got, err)
						}
						c.Close()
					}
				}
			})
		}
		wg.Wait()
		for b := range int64(branches) {
			wantIDsAt(t, w, "events", fmt.Sprint("b", b), append(span(0, 10), span(100*b+100, 100*b+180)...))
		}
	}
}

func TestStagedSnapshots(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		onMain := newSink(t, w, eventTable(w, "events", map[string]string{"format-version": version, "write.wap.enabled": "true"}))
		commit(t, onMain, "a", 1, 0, 10)
		staged := newSink(t, w, eventTable(w, "events", map[string]string{"wap.id": "night"}))
		commit(t, staged, "b", 1, 10, 20)
		commit(t, staged, "b", 2, 20, 30)
		wantIDs(t, w, "events", span(0, 10))
		c := w.open(t)
		if _, err := maintain.PublishChanges(t.Context(), c, "events", "day"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `"day"`) {
			t.Error(err)
		}
		commit(t, onMain, "a", 2, 30, 40)
		done, err := maintain.PublishChanges(t.Context(), c, "events", "night")
		if err != nil || len(done) != 2 {
			t.Fatalf("%v, %v", done, err)
		}
		wantIDs(t, w, "events", span(0, 40))
		if version == "3" {
			wantRowIDs(t, w, "events")
		}
		if _, err := maintain.PublishChanges(t.Context(), c, "events", "night"); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "published") {
			t.Error(err)
		}
		if _, err := maintain.CherryPick(t.Context(), c, "events", done[0].Source); !errors.Is(err, job.ErrInvalid) {
			t.Error(err)
		}
		// The job goes on: the first snapshot that it stages is picked as it is.
		commit(t, staged, "b", 3, 40, 50)
		if done, err = maintain.PublishChanges(t.Context(), c, "events", "night"); err != nil || len(done) != 1 || done[0].Source != done[0].Current {
			t.Errorf("%v, %v", done, err)
		}
		wantIDs(t, w, "events", span(0, 50))
	})
}

// wantRowIDs checks that no two rows of the current snapshot have the same id.
func wantRowIDs(t *testing.T, w *warehouse, name string) {
	t.Helper()
	tasks, err := w.loadOther(t, name).Scan().PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var next int64
	slices.SortFunc(tasks, func(a, b table.FileScanTask) int { return int(*a.File.FirstRowID() - *b.File.FirstRowID()) })
	for _, task := range tasks {
		if first := *task.File.FirstRowID(); first < next {
			t.Errorf("row ids from %d on are taken twice", first)
		}
		next = *task.File.FirstRowID() + task.File.Count()
	}
}

func TestWapBranch(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	commit(t, newSink(t, w, eventTable(w, "events", map[string]string{"write.wap.enabled": "true"})), "a", 1, 0, 10)
	commit(t, newSink(t, w, eventTable(w, "events", map[string]string{"wap.branch": "audit"})), "b", 1, 10, 20)
	wantIDs(t, w, "events", span(0, 10))
	wantIDsAt(t, w, "events", "audit", span(0, 20))
	newSink(t, w, eventTable(w, "plain", nil))
	c := w.open(t)
	if _, err := maintain.CreateRef(t.Context(), c, "events", maintain.Ref{Name: "v1", Tag: true}); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]struct {
		table, want string
		options     map[string]string
	}{
		"not enabled":   {"plain", "write.wap.enabled", map[string]string{"wap.id": "x"}},
		"both":          {"events", "cannot both", map[string]string{"wap.id": "x", "wap.branch": "y"}},
		"branch and id": {"events", `"branch" cannot`, map[string]string{"wap.id": "x", "branch": "y"}},
		"a tag":         {"events", "is a tag", map[string]string{"branch": "v1"}},
		"own key":       {"events", "sets this key", map[string]string{"snapshot-property.wadi.epoch": "1"}},
		"compaction":    {"events", "main only", map[string]string{"branch": "y", "compaction-enabled": "true"}},
	} {
		_, err := iceberg.Connector(w.env).Sink(t.Context(), eventTable(w, bad.table, bad.options))
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// passes returns when the clock has passed a time in milliseconds since 1970.
func passes(at int64) {
	for time.Now().UnixMilli() <= at {
		goruntime.Gosched()
	}
}

// TestRefsKeepSnapshots: expire_snapshots leaves what branches and tags name.
func TestRefsKeepSnapshots(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		s := newSink(t, w, eventTable(w, "events", map[string]string{"format-version": version}))
		c := w.open(t)
		if _, err := maintain.CreateRef(t.Context(), c, "events", maintain.Ref{Name: "early"}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "no snapshot yet") {
			t.Error(err)
		}
		var ids []int64
		for e := range int64(6) {
			commit(t, s, "a", stream.Epoch(e+1), e*10, e*10+10)
			ids = append(ids, w.loadOther(t, "events").CurrentSnapshot().SnapshotID)
		}
		create := func(r maintain.Ref) {
			t.Helper()
			if _, err := maintain.CreateRef(t.Context(), c, "events", r); err != nil {
				t.Fatal(err)
			}
		}
		create(maintain.Ref{Name: "v1", Tag: true, Snapshot: ids[0]})
		create(maintain.Ref{Name: "two", Snapshot: ids[3], MinSnapshots: 2})
		create(maintain.Ref{Name: "gone", Tag: true, Snapshot: ids[1], MaxRefAge: time.Millisecond})
		if _, err := maintain.CreateRef(t.Context(), c, "events", maintain.Ref{Name: "v1"}); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `a tag "v1"`) {
			t.Error(err)
		}
		passes(w.loadOther(t, "events").SnapshotByID(ids[1]).TimestampMs + 1)
		if _, err := maintain.ExpireSnapshots(t.Context(), c, "events", maintain.Expire{OlderThan: time.Now().Add(time.Hour), RetainLast: 1}); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, w, "events", span(0, 60))
		wantIDsAt(t, w, "events", "v1", span(0, 10))
		wantIDsAt(t, w, "events", "two", span(0, 40))
		tbl := w.loadOther(t, "events")
		for i, want := range []bool{true, false, true, true, false, true} {
			if (tbl.SnapshotByID(ids[i]) != nil) != want {
				t.Errorf("snapshot %d is there: %v", i, !want)
			}
		}
		if tbl.SnapshotByName("gone") != nil {
			t.Error("a tag that has expired is there")
		}
	})
}

func TestMovingTheCurrentSnapshot(t *testing.T) {
	eachFormat(t, func(t *testing.T, w *warehouse, version string) {
		s := newSink(t, w, eventTable(w, "events", map[string]string{"format-version": version}))
		c := w.open(t)
		var ids, times []int64
		for e := range int64(3) {
			commit(t, s, "a", stream.Epoch(e+1), e*10, e*10+10)
			ids = append(ids, w.loadOther(t, "events").CurrentSnapshot().SnapshotID)
			times = append(times, w.loadOther(t, "events").CurrentSnapshot().TimestampMs)
			passes(times[e])
		}
		if _, err := maintain.CreateRef(t.Context(), c, "events", maintain.Ref{Name: "v3", Tag: true}); err != nil {
			t.Fatal(err)
		}
		from, now, err := maintain.RollbackTo(t.Context(), c, "events", time.UnixMilli(times[1]))
		if err != nil || from != ids[2] || now != ids[0] {
			t.Errorf("%d %d %v", from, now, err)
		}
		wantIDs(t, w, "events", span(0, 10))
		if _, _, err = maintain.RollbackTo(t.Context(), c, "events", time.UnixMilli(times[0])); !errors.Is(err, job.ErrInvalid) {
			t.Error(err)
		}
		if from, now, err = maintain.SetCurrent(t.Context(), c, "events", 0, "v3"); err != nil || from != ids[0] || now != ids[2] {
			t.Errorf("%d %d %v", from, now, err)
		}
		if _, _, err = maintain.SetCurrent(t.Context(), c, "events", ids[1], ""); err != nil {
			t.Error(err)
		}
		wantIDs(t, w, "events", span(0, 20))
		if _, _, err = maintain.SetCurrent(t.Context(), c, "events", 42, ""); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "no snapshot 42") {
			t.Error(err)
		}
	})
}
