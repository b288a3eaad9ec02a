package iceberg_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	ice "github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/maintain"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// loadOther loads a table with iceberg-go.
func (w *warehouse) loadOther(t *testing.T, name string) *table.Table {
	t.Helper()
	tbl, err := w.other(t).LoadTable(t.Context(), table.Identifier{"default", name})
	if err != nil {
		t.Fatal(err)
	}
	return tbl
}

// files are the data files of the current snapshot, with what deletes of them.
func (w *warehouse) files(t *testing.T, name string) (data, deletes int) {
	t.Helper()
	tasks, err := w.loadOther(t, name).Scan().PlanFiles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		deletes += len(task.DeleteFiles) + len(task.EqualityDeleteFiles) + len(task.DeletionVectorFiles)
	}
	return len(tasks), deletes
}

// manySmall makes a table of ten snapshots with ten rows each, of which another
// writer has deleted those with ids below 25.
func manySmall(t *testing.T, kind, version, partitioning string) *warehouse {
	t.Helper()
	w := newWarehouse(t, kind)
	s := newSink(t, w, eventTable(w, "events", map[string]string{
		"format-version": version, "partitioning": partitioning, "write.delete.mode": "merge-on-read", "sink.commit.max-age": "0",
	}))
	c := committer(t, s, "a")
	for e := range int64(10) {
		if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*10, e*10+10)}, true); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	tx := w.loadOther(t, "events").NewTransaction()
	if err := tx.Delete(t.Context(), ice.LessThan(ice.Reference("id"), int64(25)), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, w, "events", span(25, 100))
	return w
}

func TestRewriteDataFiles(t *testing.T) {
	for _, kind := range []string{"jdbc", "hadoop"} {
		for _, version := range []string{"2", "3"} {
			for _, partitioning := range []string{"", "bucket(2, id)"} {
				t.Run(fmt.Sprintf("%s/v%s/%s", kind, version, partitioning), func(t *testing.T) {
					w := manySmall(t, kind, version, partitioning)
					before, deletes := w.files(t, "events")
					if deletes == 0 {
						t.Fatal("the other writer has left no deletes")
					}
					done, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "default.events", maintain.Rewrite{MinInputFiles: 2})
					if err != nil {
						t.Fatal(err)
					}
					want := 1
					if partitioning != "" {
						want = 2
					}
					after, deletes := w.files(t, "events")
					if after != want || deletes != 0 || done.Files != before || done.Added != want || done.Deletes == 0 {
						t.Errorf("%d data files and %d deletes; %+v, of %d", after, deletes, done, before)
					}
					wantIDs(t, w, "events", span(25, 100))
					again, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "default.events", maintain.Rewrite{MinInputFiles: 2})
					if err != nil || again != (maintain.Rewritten{}) {
						t.Errorf("again: %+v, %v", again, err)
					}
					// What was committed before the rewrite is still known.
					s := newSink(t, w, eventTable(w, "events", nil))
					c := committer(t, s, "a")
					defer c.Close()
					if e, err := c.Published(t.Context()); e != 10 || err != nil {
						t.Errorf("Published = %d, %v", e, err)
					}
				})
			}
		}
	}
}

// TestRewriteSorts: rows are in order in each file.
func TestRewriteSorts(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		w := manySmall(t, "jdbc", version, "")
		_, err := maintain.RewriteDataFiles(t.Context(), w.open(t), "events", maintain.Rewrite{All: true, Sort: "small desc nulls last, id"})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int64
		_, records, err := w.loadOther(t, "events").Scan(table.WithSelectedFields("id")).ToArrowRecords(t.Context())
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
		want := span(25, 100)
		slices.Reverse(want)
		if !slices.Equal(ids, want) {
			t.Errorf("v%s: %v", version, ids)
		}
		_, err = maintain.RewriteDataFiles(t.Context(), w.open(t), "events", maintain.Rewrite{Sort: "id, nothing desc"})
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), `no column "nothing"`) {
			t.Error(err)
		}
		_, err = maintain.RewriteDataFiles(t.Context(), w.open(t), "events", maintain.Rewrite{Sort: maintain.TableSortOrder})
		if !errors.Is(err, job.ErrInvalid) {
			t.Error(err)
		}
	}
}

// TestRewriteMeetsDeletes: rows that another writer deletes while files are
// written anew stay deleted.
func TestRewriteMeetsDeletes(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		w := manySmall(t, "jdbc", version, "")
		c := w.open(t)
		deleted := make(chan error, 1)
		turns := make(chan struct{}, 1)
		go func() { deleted <- deleteTens(w.other(t), turns, 30, 100) }()
		rewritten := 0
		for done := false; !done; {
			select {
			case err := <-deleted:
				if done = true; err != nil {
					t.Fatal(err)
				}
			case turns <- struct{}{}:
			default:
				one, err := maintain.RewriteDataFiles(t.Context(), c, "events", maintain.Rewrite{All: true})
				if err != nil && !errors.Is(err, job.ErrUnavailable) { // the other one may be faster each time
					t.Fatal(err)
				}
				rewritten += one.Files
			}
		}
		wantIDs(t, w, "events", []int64{25, 26, 27, 28, 29})
		if rewritten == 0 {
			t.Error("nothing was rewritten")
		}
	}
}

// deleteTens deletes ten ids each turn, and again when somebody was faster.
func deleteTens(c icecatalog.Catalog, turns <-chan struct{}, from, to int64) error {
	for id := from; id < to; id += 10 {
		<-turns
		for tries := 0; ; tries++ {
			tbl, err := c.LoadTable(background, table.Identifier{"default", "events"})
			if err != nil {
				return err
			}
			tx := tbl.NewTransaction()
			which := ice.NewAnd(ice.GreaterThanEqual(ice.Reference("id"), id), ice.LessThan(ice.Reference("id"), id+10))
			if err = tx.Delete(background, which, nil); err == nil {
				_, err = tx.Commit(background)
			}
			if err == nil {
				break
			}
			if tries == 100 {
				return err
			}
		}
	}
	return nil
}

func TestRewriteManifests(t *testing.T) {
	w := manySmall(t, "jdbc", "2", "")
	replaced, added, err := maintain.RewriteManifests(t.Context(), w.open(t), "events")
	if err != nil || replaced < 9 || added != 1 {
		t.Errorf("%d replaced by %d, %v", replaced, added, err)
	}
	wantIDs(t, w, "events", span(25, 100))
	replaced, added, err = maintain.RewriteManifests(t.Context(), w.open(t), "events")
	if err != nil || replaced+added != 0 {
		t.Errorf("again: %d replaced by %d, %v", replaced, added, err)
	}
}

func TestRemoveOrphanFiles(t *testing.T) {
	for _, kind := range []string{"jdbc", "hadoop"} {
		t.Run(kind, func(t *testing.T) {
			w := manySmall(t, kind, "2", "")
			tbl := w.loadOther(t, "events")
			dir := strings.TrimPrefix(tbl.Location(), "file://")
			old := time.Now().Add(-100 * time.Hour)
			// Everything is old: only what is not referenced may go.
			var all []string
			for _, sub := range []string{"/data", "/metadata"} {
				entries, err := os.ReadDir(dir + sub)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					all = append(all, dir+sub+"/"+e.Name())
				}
			}
			stray, fresh := dir+"/data/stray.parquet", dir+"/data/fresh.parquet"
			for _, f := range []string{stray, fresh} {
				if err := os.WriteFile(f, []byte("PAR1"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range append(all, stray) {
				if err := os.Chtimes(f, old, old); err != nil {
					t.Fatal(err)
				}
			}
			c := w.open(t)
			_, err := maintain.RemoveOrphanFiles(t.Context(), c, "events", maintain.Orphans{OlderThan: time.Now()})
			if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), "24 hours") {
				t.Error(err)
			}
			for _, dry := range []bool{true, false} {
				got, err := maintain.RemoveOrphanFiles(t.Context(), c, "events", maintain.Orphans{DryRun: dry})
				if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], "stray.parquet") {
					t.Errorf("dry run %v: %q, %v", dry, got, err)
				}
				if _, err := os.Stat(stray); (err == nil) != dry {
					t.Errorf("dry run %v: %v", dry, err)
				}
			}
			for _, f := range append(all, fresh) {
				if _, err := os.Stat(f); err != nil {
					t.Error(err)
				}
			}
			wantIDs(t, w, "events", span(25, 100))
		})
	}
}
