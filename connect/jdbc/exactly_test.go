package jdbc_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/connect/jdbc"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// taskOf is the runtime of a task of a job with checkpoints.
type taskOf struct {
	runtime
	info ops.TaskInfo
}

func (r taskOf) Task() ops.TaskInfo { return r.info }

// staged is a sink with exactly-once, and what its parts would be given by a job.
type staged struct {
	t    *testing.T
	db   sqltest.Database
	name string
	id   ops.SinkID
	sink ops.Sink
}

// stage makes a table of the database, with the columns a and b, and its sink.
func stage(t *testing.T, db sqltest.Database, name string, key []string, options ...string) staged {
	t.Helper()
	a := "text"
	if key != nil {
		a = "varchar(20) PRIMARY KEY"
	}
	db.Exec(t, "CREATE TABLE "+name+" (a "+a+", b bigint)")
	s := staged{t, db, name, ops.SinkID{Job: "job of it's", Sink: "sink-" + name}, nil}
	s.sink = s.open(key, options...)
	return s
}

func (s staged) open(key []string, options ...string) ops.Sink {
	s.t.Helper()
	d := table("", s.name, key, append([]string{"url=" + s.db.URL, "username=" + s.db.User, "sink.delivery-guarantee=exactly-once", "sink.buffer-flush.max-rows=2"}, options...)...)
	sink, err := jdbc.Connector().Sink(s.t.Context(), d)
	if err != nil {
		s.t.Fatal(err)
	}
	return sink
}

func (s staged) committer() ops.Recovering {
	s.t.Helper()
	c, err := s.sink.Committer(s.t.Context(), s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c.(ops.Recovering)
}

func (s staged) writer(task int) ops.SinkWriter {
	s.t.Helper()
	w, err := s.sink.Writer(s.t.Context(), taskOf{info: ops.TaskInfo{Job: job.ID(s.id.Job), UID: s.id.Sink, Index: task}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = w.Close() })
	return w
}

// prepare writes changes such as "+I a 1", and ends the epoch.
func (s staged) prepare(w ops.SinkWriter, e stream.Epoch, changes ...string) []ops.Committable {
	s.t.Helper()
	kinds := map[string]stream.RowKind{"+I": stream.Insert, "-U": stream.UpdateBefore, "+U": stream.UpdateAfter, "-D": stream.Delete}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.BinaryTypes.StringView}, {Name: "b", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil))
	defer b.Release()
	batch := &stream.Batch{}
	for _, c := range changes {
		var kind, a string
		var n int64
		if _, err := fmt.Sscan(c, &kind, &a, &n); err != nil {
			s.t.Fatal(err)
		}
		batch.Kinds = append(batch.Kinds, kinds[kind])
		b.Field(0).(*array.StringViewBuilder).Append(a)
		b.Field(1).(*array.Int64Builder).Append(n)
	}
	batch.Rows = b.NewRecordBatch()
	if err := w.Write(s.t.Context(), batch); err != nil {
		s.t.Fatal(err)
	}
	all, err := w.Prepare(s.t.Context(), e, false)
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s staged) recover(generation uint64, pending ...ops.Pending) {
	s.t.Helper()
	if err := s.committer().Recover(s.t.Context(), ops.Recovery{Generation: generation, Pending: pending}); err != nil {
		s.t.Fatal(err)
	}
}

func (s staged) commit(c ops.Committer, pending ...ops.Pending) {
	s.t.Helper()
	e, err := c.Commit(s.t.Context(), pending, false)
	if last := pending[len(pending)-1].Epoch; err != nil || e != last {
		s.t.Fatalf("epoch %d is committed, want %d: %v", e, last, err)
	}
}

// same fails the test unless the table has these rows, and so many pieces are staged.
func (s staged) same(what string, pieces int, want ...string) {
	s.t.Helper()
	got := s.db.Texts(s.t, "SELECT CONCAT(a, ' ', b) FROM "+s.name)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: rows %q, want %q", what, got, want)
	}
	if n := s.db.Texts(s.t, "SELECT COUNT(*) FROM wadi_staged WHERE sink = '"+s.id.Sink+"'")[0]; n != fmt.Sprint(pieces) {
		s.t.Errorf("%s: %s pieces are staged, want %d", what, n, pieces)
	}
}

// TestExactlyOnce: rows of an epoch are seen when its checkpoint is claimed, all of
// them and once, wherever writers and committers die.
func TestExactlyOnce(t *testing.T) {
	onDatabases(t, func(t *testing.T, db sqltest.Database) {
		for name, f := range map[string]func(t *testing.T, db sqltest.Database){
			"unclaimed": unclaimed, "order": order, "no key": noKey, "two committers": twoCommitters, "late": late, "lost": lost, "large": large, "first": atFirst,
		} {
			t.Run(name, func(t *testing.T) { f(t, db) })
		}
	})
}

// unclaimed: what is prepared and not claimed is not seen, and is gone with the next
// attempt. What is claimed is seen after it.
func unclaimed(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "unclaimed", []string{"a"})
	s.recover(1)
	s.same("at first", 0)
	w := s.writer(0)
	first := s.prepare(w, 1, "+I a 1", "+I b 2", "+I c 3")
	s.same("prepared", 2)
	s.recover(2)
	s.same("not claimed", 0)
	w = s.writer(0)
	second := s.prepare(w, 2, "+I a 1", "+I c 3")
	s.prepare(w, 3, "+I d 4")
	s.same("prepared again", 2)
	s.recover(3, ops.Pending{Epoch: 2, Committables: second})
	s.same("claimed", 0, "a 1", "c 3")
	s.recover(4, ops.Pending{Epoch: 2, Committables: second})
	s.same("claimed and applied", 0, "a 1", "c 3")
	if e, err := s.committer().Published(t.Context()); err != nil || e != 2 {
		t.Errorf("epoch %d is published, want 2: %v", e, err)
	}
	if _, err := s.committer().Commit(t.Context(), []ops.Pending{{Epoch: 5, Committables: first}}, false); err == nil || !strings.Contains(err.Error(), "somebody has removed") {
		t.Errorf("rows that were removed: %v", err)
	}
}

// order: of each key the last change counts, over pieces, epochs and tasks, also when
// an aborted epoch comes with the next.
func order(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "ordered", []string{"a"})
	s.recover(1)
	w, other := s.writer(0), s.writer(1)
	aborted := s.prepare(w, 1, "+I a 1", "+I b 1", "+I c 1", "-U a 1", "+U a 2", "-D b 1", "+I d 1", "+I e 1", "-D e 1")
	next := s.prepare(w, 2, "-D c 1", "-D d 1", "+I d 2", "+I f 1", "+I g 1")
	beside := s.prepare(other, 2, "+I y 1", "+I z 1")
	c := s.committer()
	s.commit(c, ops.Pending{Epoch: 2, Committables: slices.Concat(next, beside, aborted)})
	s.same("an aborted epoch with the next", 0, "a 2", "d 2", "f 1", "g 1", "y 1", "z 1")
	third, fourth := s.prepare(w, 3, "-D f 1", "-U a 2", "+U a 3"), s.prepare(w, 4, "-D a 3", "+I f 9")
	s.commit(c, ops.Pending{Epoch: 3, Committables: third}, ops.Pending{Epoch: 4, Committables: fourth})
	s.same("two epochs together", 0, "d 2", "f 9", "g 1", "y 1", "z 1")
	if got := s.prepare(w, 5); got != nil {
		t.Errorf("receipts of no rows: %q", got)
	}
}

// noKey: each row of a table without a key is there once.
func noKey(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "keyless", nil)
	s.recover(1)
	w := s.writer(0)
	one := ops.Pending{Epoch: 1, Committables: s.prepare(w, 1, "+I a 1", "+I a 1", "+I a 1", "+I b 1")}
	two := ops.Pending{Epoch: 2, Committables: s.prepare(w, 2, "+I a 1")}
	c := s.committer()
	s.commit(c, one)
	s.same("one", 1, "a 1", "a 1", "a 1", "b 1")
	s.commit(c, one, two)
	s.commit(s.committer(), one, two)
	s.same("both, again", 0, "a 1", "a 1", "a 1", "a 1", "b 1")
}

// twoCommitters: a coordinator that does not know that it was replaced commits the
// same epochs as the one that follows, at the same time.
func twoCommitters(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "raced", nil)
	s.recover(1)
	w := s.writer(0)
	var pending []ops.Pending
	var want []string
	for e := stream.Epoch(1); e <= 20; e++ {
		row := fmt.Sprintf("k%02d 1", e)
		pending = append(pending, ops.Pending{Epoch: e, Committables: s.prepare(w, e, "+I "+row, "+I "+row, "+I "+row)})
		want = append(want, row, row, row)
	}
	done := make(chan error)
	for range 3 {
		c := s.committer()
		go func() {
			_, err := c.Commit(t.Context(), pending, false)
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.same("three at once", 0, want...)
}

// late: a coordinator that was replaced does not remove what the writers of the next
// have staged.
func late(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "late", []string{"a"})
	s.recover(1)
	s.recover(3)
	held := s.prepare(s.writer(0), 1, "+I a 1")
	err := s.committer().Recover(t.Context(), ops.Recovery{Generation: 2})
	if !errors.Is(err, job.ErrFenced) {
		t.Errorf("a coordinator that was replaced: %v", err)
	}
	s.commit(s.committer(), ops.Pending{Epoch: 1, Committables: held})
	s.same("of the next", 0, "a 1")
}

// lost: rows that somebody has removed, and a table that has changed, end the job, and
// nothing of the epoch is seen.
func lost(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "gone", []string{"a"})
	s.recover(1)
	pending := []ops.Pending{{Epoch: 1, Committables: s.prepare(s.writer(0), 1, "+I a 1", "+I b 1", "+I c 1", "+I d 1", "+I e 1", "+I f 1")}}
	other := s
	other.sink = s.open(nil)
	if _, err := other.committer().Commit(t.Context(), pending, false); err == nil || !strings.Contains(err.Error(), "before the table changes") {
		t.Errorf("another key: %v", err)
	}
	for _, change := range []string{"DELETE FROM wadi_staged WHERE piece = 2", "UPDATE wadi_staged SET payload = 'x' WHERE piece = 1"} {
		db.Exec(t, change+" AND sink = 'sink-gone'")
		if _, err := s.committer().Commit(t.Context(), pending, false); !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%s: %v", change, err)
		}
		s.same(change, 2)
	}
}

// large: an epoch of many bytes is staged in pieces, however few rows it has.
func large(t *testing.T, db sqltest.Database) {
	s := stage(t, db, "large", nil, "sink.buffer-flush.max-rows=0")
	s.recover(1)
	changes := make([]string, 300)
	for i := range changes {
		changes[i] = fmt.Sprintf("+I %s %d", strings.Repeat("0123456789", 2000), i)
	}
	pending := ops.Pending{Epoch: 1, Committables: s.prepare(s.writer(0), 1, changes...)}
	if n := db.Texts(t, "SELECT COUNT(*) FROM wadi_staged WHERE sink = 'sink-large'")[0]; n != "3" {
		t.Errorf("6 MB in %s pieces, want 3", n)
	}
	s.commit(s.committer(), pending)
	if got := db.Texts(t, "SELECT CONCAT(COUNT(DISTINCT b), ' ', SUM(LENGTH(a))) FROM large")[0]; got != "300 6000000" {
		t.Errorf("rows and bytes: %s", got)
	}
}

// atFirst: many jobs that begin at the same time make the tables, in a schema of
// their own.
func atFirst(t *testing.T, db sqltest.Database) {
	db.Exec(t, "CREATE SCHEMA audit")
	s := stage(t, db, "begun", []string{"a"}, "sink.staging-prefix=audit.rows")
	done := make(chan error)
	for i := range 6 {
		go func() {
			c, err := s.sink.Committer(t.Context(), ops.SinkID{Job: fmt.Sprint(i), Sink: "s"})
			if err == nil {
				err = c.Close()
			}
			done <- err
		}()
	}
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := db.Texts(t, "SELECT COUNT(*) FROM audit.rows_epochs")[0]; n != "6" {
		t.Errorf("%s records of epochs, want 6", n)
	}
}
