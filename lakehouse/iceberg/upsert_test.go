package iceberg_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
	"github.com/wadi-engine/wadi/vector"
)

// groups is how many key groups the jobs of these tests have.
const groups = 16

// stateTable is a table of state: rows by their key.
type stateTable struct {
	spec ops.TableSpec
	rows map[string]arrow.RecordBatch
	of   stream.KeyGroupRange
}

func (s *stateTable) each(rec arrow.RecordBatch, do func(key string, i int)) {
	cols := rec.Columns()[:s.spec.Keys]
	hashes := vector.KeyGroups(nil, vector.KeyHash(nil, cols[:s.spec.Partition]), groups)
	for i := range int(rec.NumRows()) {
		if !s.of.Contains(stream.KeyGroup(hashes[i])) {
			panic(fmt.Sprintf("table %s: a row of key group %d in a task of %v", s.spec.Name, hashes[i], s.of))
		}
		do(string(vector.AppendKey(nil, cols, i)), i)
	}
}

func (s *stateTable) Upsert(rec arrow.RecordBatch) error {
	s.each(rec, func(key string, i int) { s.rows[key] = rec.NewSlice(int64(i), int64(i)+1) })
	return nil
}

func (s *stateTable) Delete(rec arrow.RecordBatch) error {
	s.each(rec, func(key string, _ int) { delete(s.rows, key) })
	return nil
}

func (s *stateTable) Scan(context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(s.rows)) {
			if !yield(s.rows[key], nil) {
				return
			}
		}
	}
}

func (s *stateTable) DropBefore(stream.Timestamp) error { return nil }

// checkpoint is what a job restores: rows of its tables of state.
type checkpoint map[string]map[string]arrow.RecordBatch

// task is the runtime of one task of an upserting sink.
type task struct {
	runtime
	info   ops.TaskInfo
	tables map[string]*stateTable
	from   checkpoint
}

func (t *task) Task() ops.TaskInfo { return t.info }

func (t *task) Table(spec ops.TableSpec) (ops.Table, error) {
	s := &stateTable{spec: spec, rows: map[string]arrow.RecordBatch{}, of: t.info.KeyGroups}
	for key, rec := range t.from[spec.Name] {
		g := vector.KeyGroups(nil, vector.KeyHash(nil, rec.Columns()[:spec.Partition]), groups)[0]
		if s.of.Contains(stream.KeyGroup(g)) {
			s.rows[key] = rec
		}
	}
	t.tables[spec.Name] = s
	return s, nil
}

// upserting is a job that upserts: its tasks and what it must have written.
type upserting struct {
	t     *testing.T
	w     *warehouse
	table job.Table
	sink  ops.Sink
	id    string

	tasks   []*task
	writers []ops.SinkWriter
	epoch   stream.Epoch
	want    map[int64]string
	// saved is the newest checkpoint; pending what it holds.
	saved     checkpoint
	savedWant map[int64]string
	pending   []ops.Pending
}

var upsertSchema = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "v", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "part", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
}, nil)

func upsertTable(w *warehouse, options map[string]string) job.Table {
	tbl := eventTable(w, "keyed", options)
	tbl.Schema, tbl.PrimaryKey, tbl.Changes = job.Schema{Schema: upsertSchema}, []string{"id"}, true
	return tbl
}

func startUpserting(t *testing.T, w *warehouse, tbl job.Table, id string, parallelism int) *upserting {
	t.Helper()
	u := &upserting{t: t, w: w, table: tbl, id: id, want: map[int64]string{}, savedWant: map[int64]string{}}
	u.start(parallelism)
	t.Cleanup(u.stop)
	return u
}

func (u *upserting) start(parallelism int) {
	u.t.Helper()
	u.sink = newSink(u.t, u.w, u.table)
	for i := range parallelism {
		tk := &task{runtime: runtime{memory.DefaultAllocator}, tables: map[string]*stateTable{}, from: u.saved}
		tk.info = ops.TaskInfo{
			Job: job.ID("job-" + u.id), UID: "sink", Index: i, Parallelism: parallelism, Groups: groups,
			KeyGroups: stream.RangeOf(groups, parallelism, i),
		}
		wr, err := u.sink.Writer(u.t.Context(), tk)
		if err != nil {
			u.t.Fatal(err)
		}
		u.tasks, u.writers = append(u.tasks, tk), append(u.writers, wr)
	}
}

func (u *upserting) stop() {
	for _, wr := range u.writers {
		if err := wr.Close(); err != nil {
			u.t.Error(err)
		}
	}
	u.tasks, u.writers = nil, nil
}

// crash goes back to the newest checkpoint, with other tasks.
func (u *upserting) crash(parallelism int) {
	u.t.Helper()
	u.stop()
	u.want = maps.Clone(u.savedWant)
	u.start(parallelism)
}

// row is a change; v "" deletes.
type row struct {
	id   int64
	v    string
	kind stream.RowKind
}

// write sends rows to their tasks.
func (u *upserting) write(rows ...row) {
	u.t.Helper()
	builders := make([]*array.RecordBuilder, len(u.tasks))
	kinds := make([][]stream.RowKind, len(u.tasks))
	for i := range builders {
		builders[i] = array.NewRecordBuilder(memory.DefaultAllocator, upsertSchema)
	}
	for _, r := range rows {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.Append(r.id)
		g := vector.KeyGroups(nil, vector.KeyHash(nil, []arrow.Array{b.NewArray()}), groups)[0]
		to := slices.IndexFunc(u.tasks, func(t *task) bool { return t.info.KeyGroups.Contains(stream.KeyGroup(g)) })
		builders[to].Field(0).(*array.Int64Builder).Append(r.id)
		builders[to].Field(1).(*array.StringViewBuilder).Append(r.v)
		builders[to].Field(2).(*array.Int32Builder).Append(int32(len(r.v)) % 3)
		kinds[to] = append(kinds[to], r.kind)
		if r.kind.Retracts() {
			delete(u.want, r.id)
		} else {
			u.want[r.id] = r.v
		}
	}
	for i, wr := range u.writers {
		b := stream.NewBatch(builders[i].NewRecordBatch())
		b.Kinds = kinds[i]
		if err := wr.Write(u.t.Context(), b); err != nil {
			u.t.Fatal(err)
		}
	}
}

// seal ends an epoch: the checkpoint holds it.
func (u *upserting) seal() {
	u.t.Helper()
	u.epoch++
	p := ops.Pending{Epoch: u.epoch}
	saved := checkpoint{}
	for i, wr := range u.writers {
		cs, err := wr.Prepare(u.t.Context(), u.epoch, false)
		if err != nil {
			u.t.Fatal(err)
		}
		p.Committables = append(p.Committables, cs...)
		for name, s := range u.tasks[i].tables {
			if saved[name] == nil {
				saved[name] = map[string]arrow.RecordBatch{}
			}
			maps.Copy(saved[name], s.rows)
		}
	}
	u.pending = append(u.pending, p)
	u.saved, u.savedWant = saved, maps.Clone(u.want)
}

// commit publishes what is pending; again says that the coordinator forgets
// that it has.
func (u *upserting) commit(again bool) error {
	if len(u.pending) == 0 {
		return nil
	}
	return u.commitSome(len(u.pending), again)
}

// commitSome publishes the first of what is pending: the tasks are ahead.
func (u *upserting) commitSome(n int, again bool) error {
	c := committer(u.t, u.sink, u.id)
	defer c.Close()
	e, err := c.Commit(u.t.Context(), u.pending[:n], true)
	if err != nil {
		return err
	}
	if want := u.pending[n-1].Epoch; e < want {
		return fmt.Errorf("published %d of %d", e, want)
	}
	if !again {
		u.pending = u.pending[n:]
	}
	return nil
}

// read is the table as iceberg-go reads it.
func (u *upserting) read() map[int64]string {
	u.t.Helper()
	tbl, err := u.w.other(u.t).LoadTable(u.t.Context(), table.Identifier{"default", "keyed"})
	if err != nil {
		u.t.Fatal(err)
	}
	got := map[int64]string{}
	_, records, err := tbl.Scan(table.WithSelectedFields("id", "v")).ToArrowRecords(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	for rec, err := range records {
		if err != nil {
			u.t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			id := rec.Column(0).(*array.Int64).Value(i)
			if _, twice := got[id]; twice {
				u.t.Errorf("key %d is there twice", id)
			}
			got[id] = rec.Column(1).(*array.String).Value(i)
		}
		rec.Release()
	}
	return got
}

func (u *upserting) check(want map[int64]string) {
	u.t.Helper()
	got := u.read()
	if maps.Equal(got, want) {
		return
	}
	for id, v := range want {
		if g, ok := got[id]; !ok || g != v {
			u.t.Errorf("key %d is %q, want %q", id, g, v)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			u.t.Errorf("key %d is %q, want none", id, g)
		}
	}
}

func TestUpsert(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			w := newWarehouse(t, "jdbc")
			u := startUpserting(t, w, upsertTable(w, map[string]string{"format-version": version}), "a", 1)
			step := func(want map[int64]string, rows ...row) {
				t.Helper()
				u.write(rows...)
				u.seal()
				if err := u.commit(false); err != nil {
					t.Fatal(err)
				}
				u.check(want)
			}
			step(map[int64]string{1: "a", 2: "b"}, row{1, "a", stream.Insert}, row{2, "b", stream.Insert})
			step(map[int64]string{1: "c", 2: "b"}, row{1, "c", stream.UpdateAfter})
			step(map[int64]string{2: "b"}, row{1, "c", stream.Delete}, row{9, "", stream.Delete})
			step(map[int64]string{1: "e", 3: "g"}, row{1, "d", stream.Insert}, row{1, "e", stream.Insert}, row{2, "", stream.Delete}, row{3, "f", stream.Insert},
				row{3, "f", stream.UpdateBefore}, row{3, "g", stream.UpdateAfter})
			u.write(row{4, "x", stream.Insert})
			u.seal()
			u.write(row{4, "y", stream.Insert}, row{1, "", stream.Delete})
			u.seal()
			u.write(row{4, "", stream.Delete})
			u.seal()
			step(map[int64]string{3: "g", 5: "z"}, row{5, "z", stream.Insert})
			// Files with deletions of several commits.
			want := map[int64]string{3: "g", 5: "z"}
			for i := range int64(6) {
				want[10*i+100], want[10*i+101], want[10*i+102] = "p", "q", "r"
				step(want, row{10*i + 100, "p", stream.Insert}, row{10*i + 101, "q", stream.Insert}, row{10*i + 102, "r", stream.Insert})
			}
			for i := range int64(6) {
				delete(want, 10*i+100)
				step(want, row{10*i + 100, "", stream.Delete})
			}
			for i := range int64(6) {
				want[10*i+101] = "s"
				u.write(row{10*i + 101, "s", stream.UpdateAfter})
			}
			step(want)
		})
	}
}

// TestUpsertFuzz compares tables with a map after random changes, crashes onto
// other numbers of tasks, commits that are late or repeated, compactions and
// appends of others.
func TestUpsertFuzz(t *testing.T) {
	steps := 60
	if testing.Short() {
		steps = 25
	}
	for _, mode := range []string{"position", "copy-on-write", "equality"} {
		for _, version := range []string{"2", "3"} {
			for seed := range uint64(4) {
				t.Run(fmt.Sprintf("%s/v%s/seed%d", mode, version, seed), func(t *testing.T) {
					w := newWarehouse(t, "jdbc")
					options := map[string]string{"format-version": version, "write.upsert.mode": mode}
					if seed%2 == 1 {
						options["partitioning"] = "part"
						if mode == "equality" {
							options["partitioning"] = "bucket(3, id)"
						}
					}
					fuzzUpserts(t, w, upsertTable(w, options), rand.New(rand.NewPCG(seed, 7)), steps)
				})
			}
		}
	}
}

func fuzzUpserts(t *testing.T, w *warehouse, tbl job.Table, rng *rand.Rand, steps int) {
	u := startUpserting(t, w, tbl, "a", 1)
	theirs := map[int64]string{}
	for range steps {
		switch n := rng.IntN(20); {
		case n < 10:
			var rows []row
			for range rng.IntN(30) {
				r := row{rng.Int64N(40), fmt.Sprint("v", rng.IntN(100_000)), stream.UpdateAfter}
				if rng.IntN(3) == 0 {
					r.kind = stream.Delete
				}
				rows = append(rows, r)
			}
			u.write(rows...)
		case n < 14:
			u.seal()
		case n < 16:
			if len(u.pending) == 0 {
				continue
			}
			if err := u.commitSome(1+rng.IntN(len(u.pending)), rng.IntN(3) == 0); err != nil {
				t.Fatal(err)
			}
		case n < 17:
			u.crash(1 + rng.IntN(3))
		case n < 19:
			if _, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "keyed", maintain.Rewrite{All: true}); err != nil {
				t.Fatal(err)
			}
		default:
			id := int64(1000 + len(theirs))
			appendRow(t, w, tbl, fmt.Sprint("other", id), row{id: id, v: "theirs"})
			theirs[id] = "theirs"
		}
	}
	u.seal()
	if err := u.commit(false); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(u.want)
	maps.Copy(want, theirs)
	u.check(want)
}

// appendRow commits a row as a job that appends.
func appendRow(t *testing.T, w *warehouse, tbl job.Table, id string, r row) {
	t.Helper()
	tbl.Changes = false
	s := newSink(t, w, tbl)
	b := array.NewRecordBuilder(memory.DefaultAllocator, upsertSchema)
	b.Field(0).(*array.Int64Builder).Append(r.id)
	b.Field(1).(*array.StringViewBuilder).Append(r.v)
	b.Field(2).(*array.Int32Builder).Append(0)
	wr, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	defer wr.Close()
	if err := wr.Write(t.Context(), stream.NewBatch(b.NewRecordBatch())); err != nil {
		t.Fatal(err)
	}
	cs, err := wr.Prepare(t.Context(), 1, true)
	if err != nil {
		t.Fatal(err)
	}
	c := committer(t, s, id)
	defer c.Close()
	if _, err := c.Commit(t.Context(), []ops.Pending{{Epoch: 1, Committables: cs}}, true); err != nil {
		t.Fatal(err)
	}
}
