package iceberg_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// follower reads a table as a stream, in steps.
type follower struct {
	t     *testing.T
	w     *warehouse
	scan  ops.Scan
	state []byte
	open  []ops.Split
	rows  map[int64]int // ids, and how often they are there
	seen  []string      // of the last step: +id and -id, in their order
	done  bool
}

func (w *warehouse) follow(t *testing.T, tbl job.Table, options ...string) *follower {
	t.Helper()
	tbl.Options = maps.Clone(tbl.Options)
	tbl.Options["streaming"] = "true"
	for i := 0; i < len(options); i += 2 {
		tbl.Options[options[i]] = options[i+1]
	}
	return &follower{t: t, w: w, scan: ops.Scan{Table: tbl, Columns: [][]string{{"id"}}}, rows: map[int64]int{}}
}

// step looks for snapshots and reads what there is. It begins as from a
// checkpoint, and again after most batches, until all is read.
func (f *follower) step(most int) error {
	f.t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(f.t, 0)
	f.seen = nil
	for {
		src, err := iceberg.Connector(f.w.env).Source(f.t.Context(), f.scan)
		if err != nil {
			return err
		}
		en, err := src.Enumerator(f.t.Context(), f.state)
		if err != nil {
			return err
		}
		en.Return(f.open)
		f.open = nil
		if f.done, err = en.Discover(f.t.Context()); err != nil {
			return err
		}
		ended, err := f.read(src, en, mem, most)
		if err != nil {
			return err
		}
		if f.state, err = en.Snapshot(); err != nil {
			return err
		}
		if ended {
			return nil
		}
	}
}

// read reads at most so many batches. It reports whether nothing is left.
func (f *follower) read(src ops.Source, en ops.SplitEnumerator, mem memory.Allocator, most int) (bool, error) {
	r, err := src.Reader(f.t.Context(), runtime{mem})
	if err != nil {
		return false, err
	}
	defer r.Close()
	for n := 0; n != most; {
		got, err := r.Fetch(f.t.Context())
		if err != nil {
			return false, err
		}
		if got.After.ID == "" {
			if f.open = en.Take(0, 2, 1); len(f.open) == 0 {
				return true, nil
			}
			if err := r.Assign(f.open); err != nil {
				return false, err
			}
			continue
		}
		if f.open = []ops.Split{got.After}; got.Done {
			f.open = nil
		}
		if got.Batch == nil {
			continue
		}
		n++
		ids := got.Batch.Rows.Column(0).(*array.Int64).Int64Values()
		for i, id := range ids {
			switch got.Batch.Kind(i) {
			case stream.Insert:
				f.rows[id]++
				f.seen = append(f.seen, fmt.Sprintf("+%d", id))
			case stream.Delete:
				f.seen = append(f.seen, fmt.Sprintf("-%d", id))
				if f.rows[id]--; f.rows[id] == 0 {
					delete(f.rows, id)
				}
			default:
				f.t.Errorf("row %d is %v", id, got.Batch.Kind(i))
			}
		}
		got.Batch.Release()
	}
	return false, nil
}

// want checks the rows of the last step, in any order.
func (f *follower) want(rows string) {
	f.t.Helper()
	slices.Sort(f.seen)
	want := strings.Fields(rows)
	slices.Sort(want)
	if !slices.Equal(f.seen, want) {
		f.t.Errorf("rows %v, want %v", f.seen, want)
	}
}

// commits are a table and ways to change it.
type commits struct {
	*warehouse
	t     *testing.T
	tbl   job.Table
	epoch stream.Epoch
}

func newCommits(t *testing.T, options map[string]string) *commits {
	w := newWarehouse(t, "jdbc")
	if options == nil {
		options = map[string]string{}
	}
	options["write.delete.mode"] = "merge-on-read"
	c := &commits{warehouse: w, t: t, tbl: eventTable(w, "events", options)}
	newSink(t, w, c.tbl) // creates it
	return c
}

// append commits the ids [from, to) and gives the snapshot's id and time.
func (c *commits) append(from, to int64) (id string, at int64) {
	c.t.Helper()
	s := newSink(c.t, c.warehouse, c.tbl)
	committed := committer(c.t, s, "a")
	defer committed.Close()
	c.epoch++
	if _, err := committed.Commit(c.t.Context(), []ops.Pending{stage(c.t, s, c.epoch, from, to)}, true); err != nil {
		c.t.Fatal(err)
	}
	head := c.loadOther(c.t, "events").CurrentSnapshot()
	return strconv.FormatInt(head.SnapshotID, 10), head.TimestampMs
}

func TestFollowAppends(t *testing.T) {
	c := newCommits(t, nil)
	first, _ := c.append(0, 2)
	second, at := c.append(2, 4)
	third, _ := c.append(4, 6)
	for _, s := range []struct {
		options []string
		begins  string
	}{
		{nil, "+4 +5"},
		{[]string{"starting-strategy", "TABLE_SCAN_THEN_INCREMENTAL"}, "+0 +1 +2 +3 +4 +5"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_LATEST_SNAPSHOT"}, "+4 +5"},
		{[]string{"starting-strategy", "incremental_from_latest_snapshot_exclusive"}, ""},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_EARLIEST_SNAPSHOT"}, "+0 +1 +2 +3 +4 +5"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id", second}, "+2 +3 +4 +5"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id", first}, "+0 +1 +2 +3 +4 +5"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP", "start-snapshot-timestamp", fmt.Sprint(at)}, "+2 +3 +4 +5"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP", "start-snapshot-timestamp", "9999999999999"}, ""},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_EARLIEST_SNAPSHOT", "max-planning-snapshot-count", "1"}, "+0 +1"},
		{[]string{"starting-strategy", "INCREMENTAL_FROM_EARLIEST_SNAPSHOT", "end-snapshot-id", second}, "+0 +1 +2 +3"},
	} {
		t.Run(strings.Join(s.options, " "), func(t *testing.T) {
			f := c.follow(t, c.tbl, s.options...)
			if err := f.step(-1); err != nil {
				t.Fatal(err)
			}
			f.want(s.begins)
			if ends := slices.Contains(s.options, "end-snapshot-id"); f.done != ends {
				t.Errorf("done is %v", f.done)
			}
		})
	}
	// What comes while the job runs, read with a crash after every batch.
	f := c.follow(t, c.tbl, "starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id", third)
	for _, step := range []func() string{
		func() string { return "+4 +5" },
		func() string { return "" },
		func() string { c.append(10, 12); c.append(12, 13); return "+10 +11 +12" },
		func() string { c.append(13, 14); return "+13" },
	} {
		want := step()
		if err := f.step(1); err != nil {
			t.Fatal(err)
		}
		f.want(want)
	}
	// A snapshot that removes rows, where only inserts are wanted.
	c.change(t, "events", deleteWhere(t, idsBetween(0, 1)))
	if err := f.step(-1); err == nil || !strings.Contains(err.Error(), "streaming-skip-overwrite-snapshots") {
		t.Errorf("error %v", err)
	}
	f.scan.Table.Options["streaming-skip-overwrite-snapshots"] = "true"
	c.append(20, 21)
	if err := f.step(-1); err != nil {
		t.Fatal(err)
	}
	f.want("+20")
}

func TestFollowChanges(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			c := newCommits(t, map[string]string{"format-version": version})
			f := c.follow(t, c.tbl, "starting-strategy", "TABLE_SCAN_THEN_INCREMENTAL", "streaming-changelog", "true")
			all := c.follow(t, c.tbl, "starting-strategy", "INCREMENTAL_FROM_EARLIEST_SNAPSHOT", "streaming-changelog", "true")
			for i, step := range []func() string{
				func() string { return "" },
				func() string { c.append(0, 5); return "+0 +1 +2 +3 +4" },
				func() string { c.change(t, "events", deleteWhere(t, idsBetween(1, 3))); return "-1 -2" },
				func() string { c.append(5, 8); return "+5 +6 +7" },
				func() string { c.change(t, "events", deleteWhere(t, idsBetween(2, 6))); return "-3 -4 -5" },
				func() string { c.change(t, "events", deleteKeys(t, 0, 7, 99)); return "-0 -7" },
				func() string { c.append(7, 9); return "+7 +8" },
				func() string { c.change(t, "events", deleteKeys(t, 7)); return "-7" },
				func() string { // a file whose rows are all gone
					c.append(30, 32)
					c.change(t, "events", deleteWhere(t, idsBetween(30, 32)))
					return "+30 +31 -30 -31"
				},
				func() string { // a compaction changes nothing
					if _, err := maintain.RewriteDataFiles(t.Context(), c.open(t), "default.events", maintain.Rewrite{MinInputFiles: 1, DeleteFileThreshold: 1}); err != nil {
						t.Fatal(err)
					}
					return ""
				},
				func() string { c.append(40, 41); return "+40" },
			} {
				want := step()
				if err := f.step(1); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				f.want(want)
			}
			if err := all.step(1); err != nil {
				t.Fatal(err)
			}
			want := map[int64]int{}
			for _, id := range idsOf(t, drain(t, iceberg.Connector(c.env), ops.Scan{Table: c.tbl, Columns: [][]string{{"id"}}}, -1)) {
				want[id]++
			}
			for name, got := range map[string]map[int64]int{"in steps": f.rows, "at once": all.rows} {
				if !maps.Equal(got, want) {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestFollowRefuses(t *testing.T) {
	c := newCommits(t, nil)
	for _, options := range [][]string{
		{"starting-strategy", "SOMEWHERE"},
		{"start-snapshot-id", "5"},
		{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_ID"},
		{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_TIMESTAMP"},
		{"monitor-interval", "often"},
		{"max-planning-snapshot-count", "0"},
		{"snapshot-id", "7"},
		{"tag", "v1"},
		{"starting-strategy", "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id", "5"},
		{"branch", "dev"},
	} {
		if err := c.follow(t, c.tbl, options...).step(-1); err == nil {
			t.Errorf("%v: no error", options)
		}
	}
	c.append(0, 1)
	for _, column := range []string{"nothing", "name"} {
		if err := c.follow(t, c.tbl, "watermark-column", column).step(-1); err == nil {
			t.Errorf("watermark-column %s: no error", column)
		}
	}
	// The snapshot that was read last expires.
	f := c.follow(t, c.tbl)
	if err := f.step(-1); err != nil {
		t.Fatal(err)
	}
	f.want("+0")
	c.append(1, 2)
	c.append(2, 3)
	c.change(t, "events", func(tx *table.Transaction) error {
		return tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0))
	})
	if err := f.step(-1); err == nil || !strings.Contains(err.Error(), "it has expired") {
		t.Errorf("error %v", err)
	}
}
