package files_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/wadi-engine/wadi/connect/files"
	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/objstoretest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// at is a runtime whose task has reached a watermark.
type at struct {
	runtime
	wm stream.Timestamp
}

func (a at) Watermark() stream.Timestamp { return a.wm }

// cities makes a row for each city.
func cities(names ...string) *stream.Batch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i, name := range names {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringViewBuilder).Append(name)
	}
	return stream.NewBatch(b.NewRecordBatch())
}

// told stages cities as an epoch of a task that is at a watermark.
func told(t *testing.T, s ops.Sink, task int, e stream.Epoch, wm stream.Timestamp, names ...string) ops.Pending {
	t.Helper()
	w, err := s.Writer(t.Context(), at{runtime{memory.DefaultAllocator, task}, wm})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), cities(names...)); err != nil {
		t.Fatal(err)
	}
	cs, err := w.Prepare(t.Context(), e, wm == stream.End)
	if err != nil {
		t.Fatal(err)
	}
	return ops.Pending{Epoch: e, Committables: cs}
}

// marked lists the directories with a success file.
func marked(t *testing.T, stores *objstore.Stores, root string) []string {
	t.Helper()
	b, err := stores.Open(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range names {
		if dir, ok := strings.CutSuffix(n, "/_SUCCESS"); ok {
			out = append(out, dir)
			if err := b.Delete(t.Context(), n); err != nil { // so that it is seen whether it comes again
				t.Fatal(err)
			}
		}
	}
	return out
}

func millis(t *testing.T, text string) stream.Timestamp {
	t.Helper()
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return stream.Timestamp(at.UnixMilli())
}

func commit(t *testing.T, s ops.Sink, pending ...ops.Pending) {
	t.Helper()
	c, err := s.Committer(t.Context(), sinkID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), pending, false); err != nil {
		t.Fatal(err)
	}
}

// TestPartitionTime: a partition is marked when the watermark of all tasks has
// passed its time and the delay; again when it gets more; all of them at the end.
func TestPartitionTime(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	const root = "mem://m/out"
	s := newSink(t, table(root, map[string]string{
		"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.trigger": "partition-time", "sink.partition-commit.delay": "1 h",
		"partition.time-extractor.timestamp-pattern": "2024-05-$city:00:00", "sink.partition-commit.watermark-time-zone": "Europe/Rome",
	}, "city"), env)
	want := func(dirs ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, dirs...), marked(t, env.Stores, root)); diff != "" {
			t.Errorf("marked: -want +got:\n%s", diff)
		}
	}
	both := func(e stream.Epoch, one, two stream.Timestamp, names ...string) {
		t.Helper()
		p := told(t, s, 0, e, one, names...)
		p.Committables = append(p.Committables, told(t, s, 1, e, two).Committables...)
		commit(t, s, p)
	}
	commit(t, s, told(t, s, 0, 1, millis(t, "2024-05-02 23:00:00"), "01 10", "01 11", "02 10")) // nobody has heard of the other task
	want()
	both(2, millis(t, "2024-05-02 23:00:00"), millis(t, "2024-05-01 09:00:00"))
	want() // 10:00 in Rome, and an hour, is 09:00 in UTC: not passed yet
	both(3, millis(t, "2024-05-02 23:00:00"), millis(t, "2024-05-01 09:00:00")+1)
	want("city=01 10")
	both(4, millis(t, "2024-05-02 23:00:00"), millis(t, "2024-05-01 09:00:00")+1, "01 10") // late
	want("city=01 10")
	both(5, millis(t, "2024-05-02 23:00:00"), millis(t, "2024-05-01 10:30:00"))
	want("city=01 11")
	both(6, stream.End, millis(t, "2024-05-01 10:30:00"))
	want()
	commit(t, s, told(t, s, 1, 7, stream.End, "01 12")) // the other task has ended, and says no more
	want("city=01 12", "city=02 10")
	w, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator, 0})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), cities("Roma")); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `city=Roma has no time: "2024-05-Roma:00:00"`) {
		t.Errorf("a partition without a time: %v", err)
	}
}

// TestProcessTime: a partition is marked when its first file is older than the delay.
func TestProcessTime(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	env := files.Env{Stores: objstore.New(objstore.Options{}), Now: func() time.Time { return now }}
	s := newSink(t, table("mem://m/out", map[string]string{
		"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.delay": "1 min",
	}, "city"), env)
	p := func(e stream.Epoch, names ...string) ops.Pending { return told(t, s, 0, e, stream.Start, names...) }
	one, two := p(1, "a"), p(2, "b")
	now = now.Add(time.Minute)
	commit(t, s, one, two)
	if m := marked(t, env.Stores, "mem://m/out"); len(m) > 0 {
		t.Errorf("marked %q", m)
	}
	now = now.Add(time.Millisecond)
	commit(t, s, one, two, p(3)) // what was published is told again
	if m := marked(t, env.Stores, "mem://m/out"); !slices.Equal(m, []string{"city=a", "city=b"}) {
		t.Errorf("marked %q", m)
	}
	commit(t, s, p(4))
	if m := marked(t, env.Stores, "mem://m/out"); len(m) > 0 {
		t.Errorf("marked again: %q", m)
	}
}

// TestTimesOfPartitions: what Flink's extractor reads.
func TestTimesOfPartitions(t *testing.T) {
	for _, c := range []struct{ pattern, formatter, city, want string }{
		{"", "", "2024-05-01", "2024-05-01 00:00:00"},
		{"", "", "2024-5-1 7:30:00", "2024-05-01 07:30:00"},
		{"$city 00:00:00", "", "2024-05-01", "2024-05-01 00:00:00"},
		{"", "yyyyMMdd", "20240501", "2024-05-01 00:00:00"},
		{"$city:00", "yyyy/MM/dd HH:mm", "2024/05/01 03", "2024-05-01 03:00:00"},
	} {
		options := map[string]string{"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.trigger": "partition-time"}
		if c.pattern != "" {
			options["partition.time-extractor.timestamp-pattern"] = c.pattern
		}
		if c.formatter != "" {
			options["partition.time-extractor.timestamp-formatter"] = c.formatter
		}
		for wait, wm := range map[bool]stream.Timestamp{true: millis(t, c.want), false: millis(t, c.want) + 1} {
			env := files.Env{Stores: objstore.New(objstore.Options{})}
			s := newSink(t, table("mem://m/out", options, "city"), env)
			p := told(t, s, 0, 1, wm, c.city)
			p.Committables = append(p.Committables, told(t, s, 1, 1, wm).Committables...)
			commit(t, s, p)
			if m := marked(t, env.Stores, "mem://m/out"); (len(m) == 0) != wait {
				t.Errorf("%+v at %v: marked %q", c, wm, m)
			}
		}
	}
}

// TestMarksAfterCrash kills the committer after each number of changes: no
// marker is there before the files of its partition, and none is missing.
func TestMarksAfterCrash(t *testing.T) {
	crashes := 0
	for budget := 0; ; budget++ {
		left := -1
		stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{
			"faulty": objstoretest.Opener(faulty{objstoretest.MemDriver(t), &left}),
		}})
		s := newSink(t, table("faulty://x/out", map[string]string{
			"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.trigger": "partition-time",
		}, "city"), files.Env{Stores: stores})
		epoch := func(e stream.Epoch, wm stream.Timestamp, names ...string) ops.Pending {
			p := told(t, s, 0, e, wm, names...)
			p.Committables = append(p.Committables, told(t, s, 1, e, wm, names...).Committables...)
			return p
		}
		pending := []ops.Pending{
			epoch(1, millis(t, "2024-05-01 12:00:00"), "2024-05-01", "2024-05-02"),
			epoch(2, millis(t, "2024-05-02 12:00:00"), "2024-05-03"),
			epoch(3, millis(t, "2024-05-02 12:00:00"), "2024-05-04"),
		}
		run := func(n int) error {
			c, err := s.Committer(t.Context(), sinkID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Commit(t.Context(), pending[:n], false)
			return err
		}
		left = budget
		failed := errors.Join(run(1), run(2), run(3)) != nil
		left = -1
		whole(t, stores, budget)
		for range 2 {
			if err := run(3); err != nil {
				t.Fatalf("after a crash at change %d: %v", budget, err)
			}
		}
		if m := marked(t, stores, "faulty://x/out"); !slices.Equal(m, []string{"city=2024-05-01", "city=2024-05-02"}) {
			t.Fatalf("after a crash at change %d: marked %q", budget, m)
		}
		if n := whole(t, stores, budget); n != 8 {
			t.Fatalf("after a crash at change %d: %d files, want 8", budget, n)
		}
		if !failed {
			break
		}
		crashes++
	}
	if crashes < 20 {
		t.Errorf("only %d places to crash", crashes)
	}
}

// whole checks that what is marked is complete, both tasks' files are there, and
// counts the files.
func whole(t *testing.T, stores *objstore.Stores, budget int) (all int) {
	t.Helper()
	b, err := stores.Open(t.Context(), "faulty://x/out", nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.List(t.Context(), "city=")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]int{}
	for _, n := range names {
		dir, base, _ := strings.Cut(n, "/")
		if base != "_SUCCESS" {
			files[dir]++
			all++
		}
	}
	for _, n := range names {
		if dir, ok := strings.CutSuffix(n, "/_SUCCESS"); ok && files[dir] != 2 {
			t.Errorf("after a crash at change %d: %s is marked with %d files", budget, dir, files[dir])
		}
	}
	return all
}

// TestLeftoversAreRemoved: when all tasks have ended, nothing that a task which
// died has staged is left.
func TestLeftoversAreRemoved(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	s := newSink(t, table("mem://m/out", nil), env)
	stage(t, s, 0, 1, 0, 10) // of a task that died with its epoch
	one := told(t, s, 0, 2, stream.End, "a")
	one.Committables = append(one.Committables, told(t, s, 1, 2, stream.Start, "b").Committables...)
	commit(t, s, one)
	staged := func() int {
		b, err := env.Stores.Open(t.Context(), "mem://m/out", nil)
		if err != nil {
			t.Fatal(err)
		}
		names, err := b.List(t.Context(), ".staging/")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	if n := staged(); n != 1 {
		t.Errorf("%d staged files, want 1: a task still writes", n)
	}
	commit(t, s, told(t, s, 1, 3, stream.End, "c"))
	if n := staged(); n != 0 {
		t.Errorf("%d staged files are left", n)
	}
}
