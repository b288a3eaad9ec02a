package files_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
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

type runtime struct {
	mem   memory.Allocator
	index int
}

func (r runtime) Task() ops.TaskInfo {
	return ops.TaskInfo{Job: "0123456789abcdef0123456789abcdef", UID: "sink-1", Index: r.index, Parallelism: 2}
}
func (runtime) Table(ops.TableSpec) (ops.Table, error) { panic("not used") }
func (runtime) Durable() bool                          { return true }
func (runtime) Watermark() stream.Timestamp            { return stream.Start }
func (r runtime) Allocator() memory.Allocator          { return r.mem }
func (runtime) Counter(string) ops.Counter             { return nothing{} }

type nothing struct{}

func (nothing) Add(int64) {}

var sinkID = ops.SinkID{Job: "0123456789abcdef0123456789abcdef", Sink: "sink-1"}

var schema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "city", Type: arrow.BinaryTypes.StringView, Nullable: true},
}, nil)

func table(root string, options map[string]string, by ...string) job.Table {
	t := job.Table{
		Ident: job.Ident{Name: "out"}, Schema: job.Schema{Schema: schema}, PartitionedBy: by,
		Options: map[string]string{"path": root, "format": "csv"},
	}
	maps.Copy(t.Options, options)
	return t
}

func newSink(t *testing.T, tbl job.Table, env files.Env) *files.Sink {
	t.Helper()
	s, err := files.NewSink(t.Context(), tbl, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// batch makes rows with the ids [from, to), in three cities.
func batch(mem memory.Allocator, from, to int64) *stream.Batch {
	b := array.NewRecordBuilder(mem, schema)
	defer b.Release()
	for id := from; id < to; id++ {
		b.Field(0).(*array.Int64Builder).Append(id)
		switch id % 4 {
		case 0:
			b.Field(1).AppendNull()
		case 1, 2:
			b.Field(1).(*array.StringViewBuilder).Append("Roma")
		case 3:
			b.Field(1).(*array.StringViewBuilder).Append("a/b=c d%")
		}
	}
	return stream.NewBatch(b.NewRecordBatch())
}

// stage writes the ids [from, to) as one epoch of one task.
func stage(t *testing.T, s ops.Sink, task int, e stream.Epoch, from, to int64) ops.Pending {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	w, err := s.Writer(t.Context(), runtime{mem, task})
	if err != nil {
		t.Fatal(err)
	}
	for at := from; at < to; at += 10 {
		if err := w.Write(t.Context(), batch(mem, at, min(at+10, to))); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := w.Prepare(t.Context(), e, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return ops.Pending{Epoch: e, Committables: cs}
}

// visible is what a plain reader sees: name and lines of each file.
func visible(t *testing.T, stores *objstore.Stores, root string) map[string]string {
	t.Helper()
	found, err := stores.Glob(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range found {
		b, name, err := stores.Split(t.Context(), f.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		data, err := b.Get(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(f.URL, root+"/")] = string(data)
	}
	return all
}

// lines is the sorted lines of all visible files.
func lines(t *testing.T, stores *objstore.Stores, root string) []string {
	t.Helper()
	var all []string
	for _, text := range visible(t, stores, root) {
		all = append(all, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	}
	slices.Sort(all)
	return all
}

func ids(from, to int64) []string {
	var all []string
	for id := from; id < to; id++ {
		city := []string{"", "Roma", "Roma", "a/b=c d%"}[id%4]
		all = append(all, fmt.Sprintf("%d,%s", id, city))
	}
	slices.Sort(all)
	return all
}

func TestFilesAppearAtCommit(t *testing.T) {
	for _, root := range []string{"mem://m/out", "file://" + t.TempDir() + "/out"} {
		env := files.Env{Stores: objstore.New(objstore.Options{})}
		s := newSink(t, table(root, nil), env)
		one := stage(t, s, 0, 7, 0, 25)
		one.Committables = append(one.Committables, stage(t, s, 1, 7, 25, 30).Committables...)
		if v := visible(t, env.Stores, root); len(v) != 0 {
			t.Errorf("visible before the commit: %q", v)
		}
		c, err := s.Committer(t.Context(), sinkID)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if e, err := c.Commit(t.Context(), []ops.Pending{one}, false); e != 7 || err != nil {
				t.Fatalf("Commit = %d, %v", e, err)
			}
			if e, err := c.Published(t.Context()); e != 7 || err != nil {
				t.Errorf("Published = %d, %v", e, err)
			}
		}
		if diff := cmp.Diff(ids(0, 30), lines(t, env.Stores, root)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		names := slices.Sorted(maps.Keys(visible(t, env.Stores, root)))
		if len(names) != 2 || !strings.HasPrefix(names[0], "part-01234567-") || !strings.HasSuffix(names[0], "-0-7-0.csv") {
			t.Errorf("names are %q", names)
		}
	}
}

// faulty lets the first few changes of a store through and fails all others:
// a process that died there.
type faulty struct {
	objstore.Driver
	left *int
}

var errCrash = fmt.Errorf("%w: crashed", job.ErrInvalid) // not to be tried again

func (f faulty) change() error {
	if *f.left == 0 {
		return errCrash
	}
	*f.left--
	return nil
}

func (f faulty) Put(ctx context.Context, key string, data []byte, ifAbsent bool) error {
	if err := f.change(); err != nil {
		return err
	}
	return f.Driver.Put(ctx, key, data, ifAbsent)
}

func (f faulty) Delete(ctx context.Context, key string) error {
	if err := f.change(); err != nil {
		return err
	}
	return f.Driver.Delete(ctx, key)
}

// Move dies before it, between its two steps, or goes through.
func (f faulty) Move(ctx context.Context, from, to string) error {
	if err := f.change(); err != nil {
		return err
	}
	if err := f.change(); err != nil {
		src, oerr := f.Open(ctx, from)
		if oerr != nil {
			return oerr
		}
		data := make([]byte, src.Info().Size)
		if _, rerr := src.ReadAt(ctx, data, 0); rerr != nil {
			return rerr
		}
		return errors.Join(err, f.Driver.Put(ctx, to, data, false))
	}
	return f.Driver.Move(ctx, from, to)
}

// TestCrashBetweenAnyTwoSteps kills the committer after each number of changes
// and lets the next one finish.
func TestCrashBetweenAnyTwoSteps(t *testing.T) {
	crashes := 0
	for budget := 0; ; budget++ {
		left := -1
		stores := objstore.New(objstore.Options{Openers: map[string]objstore.Opener{
			"faulty": objstoretest.Opener(faulty{objstoretest.MemDriver(t), &left}),
		}})
		s := newSink(t, table("faulty://x/out", map[string]string{"sink.partition-commit.policy.kind": "success-file"}), files.Env{Stores: stores})
		pending := []ops.Pending{stage(t, s, 0, 1, 0, 10), stage(t, s, 0, 2, 10, 20), stage(t, s, 0, 3, 20, 30)}
		commit := func(n int) error {
			c, err := s.Committer(t.Context(), sinkID)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Commit(t.Context(), pending[:n], false)
			return err
		}
		left = budget
		failed := errors.Join(commit(1), commit(3)) != nil
		left = -1
		for range 2 {
			if err := commit(3); err != nil {
				t.Fatalf("after a crash at change %d: %v", budget, err)
			}
		}
		if diff := cmp.Diff(ids(0, 30), lines(t, stores, "faulty://x/out")); diff != "" {
			t.Fatalf("after a crash at change %d: -want +got:\n%s", budget, diff)
		}
		if !failed {
			break
		}
		crashes++
	}
	if crashes < 10 {
		t.Errorf("only %d places to crash", crashes)
	}
}

func TestPartitions(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	s := newSink(t, table("mem://m/out", map[string]string{"sink.partition-commit.policy.kind": "success-file"}, "city"), env)
	c, err := s.Committer(t.Context(), sinkID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, 0, 1, 0, 12)}, false); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, text := range visible(t, env.Stores, "mem://m/out") {
		got[path.Dir(name)] = text
	}
	want := map[string]string{
		"city=__DEFAULT_PARTITION__": "0\n4\n8\n", "city=Roma": "1\n2\n5\n6\n9\n10\n", "city=a%2Fb%3Dc d%25": "3\n7\n11\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	b, err := env.Stores.Open(t.Context(), "mem://m/out", nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := b.Exists(t.Context(), "city=Roma/_SUCCESS"); !ok || err != nil {
		t.Errorf("success file: %v, %v", ok, err)
	}
}

func TestRolling(t *testing.T) {
	now := time.UnixMilli(0)
	env := files.Env{Stores: objstore.New(objstore.Options{}), Now: func() time.Time { return now }}
	count := func(options map[string]string, step time.Duration) int {
		s := newSink(t, table("mem://m/out", options), env)
		w, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator, 0})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int64(10) {
			now = now.Add(step)
			if err := w.Write(t.Context(), batch(memory.DefaultAllocator, i*10, i*10+10)); err != nil {
				t.Fatal(err)
			}
		}
		cs, err := w.Prepare(t.Context(), 1, true)
		if err != nil {
			t.Fatal(err)
		}
		return len(cs) - 1 // the last says that the task has ended
	}
	if n := count(map[string]string{"sink.rolling-policy.rollover-interval": "2 s", "sink.rolling-policy.check-interval": "3 s"}, time.Second); n != 4 {
		t.Errorf("by age, looked at seldom: %d files, want 4", n)
	}
	if n := count(nil, 0); n != 1 {
		t.Errorf("%d files, want 1", n)
	}
	if n := count(map[string]string{"sink.rolling-policy.file-size": "150b"}, 0); n != 5 {
		t.Errorf("by size: %d files, want 5", n)
	}
	if n := count(map[string]string{"sink.rolling-policy.rollover-interval": "2 s", "sink.rolling-policy.check-interval": "1 s"}, time.Second); n != 4 {
		t.Errorf("by age: %d files, want 4", n)
	}
}

func TestWriterDiscardsWhatWasNotPrepared(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	s := newSink(t, table("mem://m/out", map[string]string{"sink.rolling-policy.file-size": "1b"}), env)
	w, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator, 0})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Write(t.Context(), batch(memory.DefaultAllocator, 0, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := env.Stores.Open(t.Context(), "mem://m/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := b.List(t.Context(), ""); len(left) > 0 || err != nil {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestStagedFileIsGone(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	s := newSink(t, table("mem://m/out", nil), env)
	one := stage(t, s, 0, 1, 0, 10)
	b, err := env.Stores.Open(t.Context(), "mem://m/out", nil)
	if err != nil {
		t.Fatal(err)
	}
	names, err := b.List(t.Context(), "")
	if err != nil || len(names) != 1 {
		t.Fatalf("staged: %q, %v", names, err)
	}
	if err := b.Delete(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	c, err := s.Committer(t.Context(), sinkID)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Commit(t.Context(), []ops.Pending{one}, true)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), names[0]) || !strings.Contains(err.Error(), "10 rows") {
		t.Errorf("Commit of a file that is gone: %v", err)
	}
}

func TestSinkRefuses(t *testing.T) {
	env := files.Env{Stores: objstore.New(objstore.Options{})}
	for want, options := range map[string]map[string]string{
		`"path"`:                              {"path": ""},
		`"format" is missing`:                 {"format": ""},
		`no format "orc"`:                     {"format": "orc"},
		`sink.rolling-policy.file-size`:       {"sink.rolling-policy.file-size": "huge"},
		`rollover-interval`:                   {"sink.rolling-policy.rollover-interval": "-1"},
		`"metastore"`:                         {"sink.partition-commit.policy.kind": "metastore"},
		`want process-time or partition-time`: {"sink.partition-commit.trigger": "sometimes"},
		`not PARTITIONED BY anything`:         {"sink.partition-commit.trigger": "partition-time"},
		`sink.partition-commit.delay`:         {"sink.partition-commit.delay": "soon"},
		`no Java`:                             {"sink.partition-commit.policy.kind": "custom"},
		`names a class`:                       {"sink.partition-commit.policy.class": "com.acme.Policy"},
		`begins with _ or .`:                  {"sink.partition-commit.policy.kind": "success-file", "sink.partition-commit.success-file.name": "DONE"},
		`no partition column stands`:          {"by": "city", "sink.partition-commit.trigger": "partition-time", "partition.time-extractor.timestamp-pattern": "$day"},
		`only default is known`:               {"by": "city", "sink.partition-commit.trigger": "partition-time", "partition.time-extractor.kind": "custom"},
		`timestamp-formatter`:                 {"by": "city", "sink.partition-commit.trigger": "partition-time", "partition.time-extractor.timestamp-formatter": "yyyy'"},
		`watermark-time-zone`:                 {"by": "city", "sink.partition-commit.trigger": "partition-time", "sink.partition-commit.watermark-time-zone": "Mars/Olympus"},
		`compaction.file-size`:                {"compaction.file-size": "huge"},
		`compaction.parallelism`:              {"compaction.parallelism": "0"},
		`auto-compaction`:                     {"auto-compaction": "perhaps"},
		`cannot be compressed by "bzip2"`:     {"sink.compression": "bzip2"},
		`raw has one column`:                  {"format": "raw"},
		`check-interval`:                      {"sink.rolling-policy.check-interval": "x"},
		`csv.field-delimiter`:                 {"csv.field-delimiter": "ab"},
		`csv.header`:                          {"csv.header": "perhaps"},
		`"json.timestamp-format.standard"`:    {"format": "json", "json.timestamp-format.standard": "RFC"},
		`no storage for scheme "gopher"`:      {"path": "gopher://x/y"},
		`partition column "country" is not a`: {"by": "country"},
	} {
		tbl := table("mem://m/out", options)
		if by, ok := options["by"]; ok {
			tbl.PartitionedBy = []string{by}
		}
		if _, err := files.NewSink(t.Context(), tbl, env); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s := newSink(t, table("mem://m/out", nil), env)
	w, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator, 0})
	if err != nil {
		t.Fatal(err)
	}
	b := batch(memory.DefaultAllocator, 0, 1)
	b.Kinds = []stream.RowKind{stream.UpdateBefore}
	if err := w.Write(t.Context(), b); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "-U") {
		t.Errorf("Write of a retraction: %v", err)
	}
}
