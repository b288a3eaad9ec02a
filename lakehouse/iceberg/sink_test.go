package iceberg_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

func TestSinkAppendsOnce(t *testing.T) {
	for _, kind := range []string{"jdbc", "hadoop"} {
		for _, version := range []string{"2", "3"} {
			for _, partitioning := range []string{"", "day(ts), bucket(3, id)"} {
				t.Run(fmt.Sprintf("%s/v%s/%s", kind, version, partitioning), func(t *testing.T) {
					w := newWarehouse(t, kind)
					s := newSink(t, w, eventTable(w, "events", map[string]string{
						"format-version": version, "partitioning": partitioning,
					}))
					one, two := stage(t, s, 1, 0, 250), stage(t, s, 2, 250, 300)
					wantIDs(t, w, "events", nil)

					c := committer(t, s, "a")
					if e, err := c.Commit(t.Context(), []ops.Pending{one}, true); e != 1 || err != nil {
						t.Fatalf("Commit = %d, %v", e, err)
					}
					wantIDs(t, w, "events", span(0, 250))
					// The coordinator died before it learnt that epoch 1 is in.
					c.Close()
					c = committer(t, s, "a")
					if e, err := c.Published(t.Context()); e != 1 || err != nil {
						t.Fatalf("Published = %d, %v", e, err)
					}
					for range 2 {
						if e, err := c.Commit(t.Context(), []ops.Pending{one, two}, true); e != 2 || err != nil {
							t.Fatalf("Commit = %d, %v", e, err)
						}
					}
					c.Close()
					wantIDs(t, w, "events", span(0, 300))
				})
			}
		}
	}
}

// publishAtOnce lets jobs publish epochs of ten rows each to one table at once, and
// publish each of them again. With inTurn no two commits are made at once.
func publishAtOnce(t *testing.T, w *warehouse, tbl job.Table, jobs, epochs int, inTurn bool) {
	t.Helper()
	newSink(t, w, tbl) // creates the table
	var wg sync.WaitGroup
	var turn sync.Mutex
	for j := range jobs {
		s := newSink(t, w, tbl)
		var all []ops.Pending
		for e := range epochs {
			from := int64(j*epochs+e) * 10
			all = append(all, stage(t, s, stream.Epoch(e+1), from, from+10))
		}
		wg.Go(func() {
			for e := range epochs {
				for range 2 { // the second time is a replay
					c, err := s.Committer(background, ops.SinkID{Job: fmt.Sprint("job", j), Sink: "sink"})
					if err != nil {
						t.Error(err)
						return
					}
					if inTurn {
						turn.Lock()
					}
					got, err := c.Commit(background, all[:e+1], true)
					if inTurn {
						turn.Unlock()
					}
					if err != nil || got != stream.Epoch(e+1) {
						t.Errorf("job %d: Commit = %d, %v", j, got, err)
					}
					c.Close()
				}
			}
		})
	}
	wg.Wait()
}

func TestConcurrentCommitters(t *testing.T) {
	const jobs, epochs = 4, 10
	for _, version := range []string{"2", "3"} {
		t.Run("v"+version, func(t *testing.T) {
			w := newWarehouse(t, "jdbc")
			tbl := eventTable(w, "events", map[string]string{"format-version": version})
			publishAtOnce(t, w, tbl, jobs, epochs, false)
			wantIDs(t, w, "events", span(0, jobs*epochs*10))
			tx, err := w.other(t).LoadTable(background, table.Identifier{"default", "events"})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(tx.Metadata().Snapshots()); n != jobs*epochs {
				t.Errorf("%d snapshots, want %d", n, jobs*epochs)
			}
		})
	}
}

func TestCommitGathers(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	now := time.UnixMilli(0)
	w.env.Now = func() time.Time { return now }
	s := newSink(t, w, eventTable(w, "events", map[string]string{
		"sink.commit.max-age": "10 s", "sink.commit.target-file-size": "1 gb",
	}))
	c := committer(t, s, "a")
	defer c.Close()
	commit := func(force bool, want stream.Epoch, pending ...ops.Pending) {
		t.Helper()
		if e, err := c.Commit(t.Context(), pending, force); e != want || err != nil {
			t.Errorf("Commit = %d, %v, want %d", e, err, want)
		}
	}
	one, two, three := stage(t, s, 1, 0, 10), stage(t, s, 2, 10, 20), stage(t, s, 3, 20, 30)
	commit(false, 0, one)
	now = now.Add(5 * time.Second)
	commit(false, 0, one, two)
	now = now.Add(5 * time.Second)
	commit(false, 2, one, two) // epoch 1 is 10 s old
	commit(false, 2, three)
	commit(true, 3, three)
	commit(false, 4, ops.Pending{Epoch: 4}) // nothing to publish
	wantIDs(t, w, "events", span(0, 30))

	s = newSink(t, w, eventTable(w, "events", map[string]string{"sink.commit.target-file-size": "1 kb"}))
	c = committer(t, s, "b")
	defer c.Close()
	commit(false, 1, stage(t, s, 1, 30, 40)) // large enough at once
}

func TestCommitSurvivesExpiry(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", nil))
	a, b := committer(t, s, "a"), committer(t, s, "b")
	defer a.Close()
	defer b.Close()
	one := []ops.Pending{stage(t, s, 1, 0, 10)}
	if _, err := a.Commit(t.Context(), one, true); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 10, 20)}, true); err != nil {
		t.Fatal(err)
	}
	tbl, err := w.other(t).LoadTable(t.Context(), table.Identifier{"default", "events"})
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	if err := tx.ExpireSnapshots(table.WithRetainLast(1), table.WithOlderThan(0)); err != nil {
		t.Fatal(err)
	}
	if tbl, err = tx.Commit(t.Context()); err != nil || len(tbl.Metadata().Snapshots()) != 1 {
		t.Fatalf("expire: %v, %d snapshots", err, len(tbl.Metadata().Snapshots()))
	}
	if e, err := a.Commit(t.Context(), one, true); e != 1 || err != nil {
		t.Errorf("Commit after the snapshot expired = %d, %v", e, err)
	}
	wantIDs(t, w, "events", span(0, 20))
}

func TestTableIsReplacedUnderneath(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	tbl := eventTable(w, "events", nil)
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	defer c.Close()
	one := []ops.Pending{stage(t, s, 1, 0, 10)}
	cat := w.open(t)
	if err := cat.DropTable(t.Context(), "default", "events"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Commit(t.Context(), one, true)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "cat.default.events") || !strings.Contains(err.Error(), "dropped") {
		t.Errorf("Commit to a dropped table: %v", err)
	}
	newSink(t, w, tbl) // creates it again
	_, err = c.Commit(t.Context(), one, true)
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "created again") {
		t.Errorf("Commit to another table of that name: %v", err)
	}
}

func TestSchemaEvolvesUnderneath(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", nil))
	c := committer(t, s, "a")
	defer c.Close()
	one := []ops.Pending{stage(t, s, 1, 0, 10)}
	tbl, err := w.other(t).LoadTable(t.Context(), table.Identifier{"default", "events"})
	if err != nil {
		t.Fatal(err)
	}
	tx := tbl.NewTransaction()
	if err := tx.UpdateSchema(true, false).RenameColumn([]string{"name"}, "title").DeleteColumn([]string{"small"}).Commit(); err != nil {
		t.Fatal(err)
	}
	if err := tx.UpdateSpec(true).AddField("id", ice.BucketTransform{NumBuckets: 4}, "id_bucket").Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, err := c.Commit(t.Context(), one, true); e != 1 || err != nil {
		t.Fatalf("Commit of files of an older schema = %d, %v", e, err)
	}
	wantIDs(t, w, "events", span(0, 10))
	_, err = s.Writer(t.Context(), runtime{memory.DefaultAllocator})
	if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `"name"`) {
		t.Errorf("Writer whose column is gone: %v", err)
	}
}

func TestWriterDiscardsWhatWasNotPrepared(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	s := newSink(t, w, eventTable(w, "events", map[string]string{"write.target-file-size-bytes": "1"}))
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	wr, err := s.Writer(t.Context(), runtime{mem})
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(5) {
		if err := wr.Write(t.Context(), events(mem, i*10, i*10+10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := wr.Close(); err != nil {
		t.Fatal(err)
	}
	var left []string
	err = filepath.WalkDir(w.dir+"/wh", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") || strings.Contains(path, ".wadi-tmp") {
			left = append(left, path)
		}
		return err
	})
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestSinkRefuses(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	con := iceberg.Connector(w.env)
	for name, c := range map[string]struct {
		options map[string]string
		want    string
	}{
		"no table":      {map[string]string{"create-table": "false"}, "CREATE TABLE"},
		"bad flag":      {map[string]string{"create-table": "maybe"}, `"create-table"`},
		"bad size":      {map[string]string{"sink.commit.target-file-size": "big"}, "sink.commit.target-file-size"},
		"bad age":       {map[string]string{"sink.commit.max-age": "long"}, "sink.commit.max-age"},
		"bad type":      {map[string]string{"catalog-type": "hive"}, `"hive"`},
		"no type":       {map[string]string{"catalog-type": ""}, "catalog-type"},
		"no uri":        {map[string]string{"uri": ""}, "'uri'"},
		"other uri":     {map[string]string{"uri": "jdbc:oracle:thin"}, "jdbc:oracle:thin"},
		"no warehouse":  {map[string]string{"warehouse": ""}, "'warehouse'"},
		"bad version":   {map[string]string{"format-version": "7"}, `"7"`},
		"bad transform": {map[string]string{"partitioning": "decade(ts)"}, "decade"},
		"bad column":    {map[string]string{"partitioning": "day(when)"}, `"when"`},
		"bad use":       {map[string]string{"partitioning": "day(name)"}, `"name"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := con.Sink(t.Context(), eventTable(w, "refused", c.options))
			if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	s := newSink(t, w, eventTable(w, "events", nil))
	wr, err := s.Writer(t.Context(), runtime{memory.DefaultAllocator})
	if err != nil {
		t.Fatal(err)
	}
	defer wr.Close()
	b := events(memory.DefaultAllocator, 0, 1)
	b.Kinds = []stream.RowKind{stream.Delete}
	if err := wr.Write(t.Context(), b); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "-D") {
		t.Errorf("Write of a deletion: %v", err)
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, eventSchema)
	for _, f := range rb.Fields() {
		f.AppendNull()
	}
	if err := wr.Write(t.Context(), stream.NewBatch(rb.NewRecordBatch())); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `"id"`) {
		t.Errorf("Write of NULL into NOT NULL: %v", err)
	}
}

func TestDeclaredColumnsMustFit(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	newSink(t, w, eventTable(w, "events", nil))
	for want, field := range map[string]arrow.Field{
		`"nothing"`: {Name: "nothing", Type: arrow.PrimitiveTypes.Int64},
		`"ts"`:      {Name: "ts", Type: arrow.BinaryTypes.StringView},
		`required`:  {Name: "name", Type: arrow.BinaryTypes.StringView},
	} {
		tbl := eventTable(w, "events", nil)
		tbl.Schema = job.Schema{Schema: arrow.NewSchema([]arrow.Field{field}, nil)}
		_, err := iceberg.Connector(w.env).Sink(t.Context(), tbl)
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestTablesOnS3(t *testing.T) {
	url, props := testserver.S3(t)
	w := newWarehouse(t, "jdbc")
	w.env.Stores = objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}})
	w.options["warehouse"] = url + "/wh"
	maps.Copy(w.options, props)
	tbl := eventTable(w, "events", map[string]string{"partitioning": "month(ts)"})
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	defer c.Close()
	if e, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, 1, 0, 300)}, true); e != 1 || err != nil {
		t.Fatalf("Commit = %d, %v", e, err)
	}
	there, err := w.open(t).Table(t.Context(), "default", "events")
	if err != nil {
		t.Fatal(err)
	}
	if rows := drain(t, iceberg.Connector(w.env), ops.Scan{Table: there}, -1); len(rows) != 300 {
		t.Errorf("%d rows, want 300", len(rows))
	}
}
