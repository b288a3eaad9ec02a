package iceberg_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// deleteKeys deletes the rows with these ids by a file of keys.
func deleteKeys(t *testing.T, ids ...int64) func(tx *table.Transaction) error {
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, nil)
	return func(tx *table.Transaction) error {
		var records iter.Seq2[arrow.RecordBatch, error] = func(yield func(arrow.RecordBatch, error) bool) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
			defer b.Release()
			b.Field(0).(*array.Int64Builder).AppendValues(ids, nil)
			yield(b.NewRecordBatch(), nil)
		}
		return tx.CommitEqualityDeletes(t.Context(), []int{1}, records, nil)
	}
}

// deleteWhere deletes rows merge-on-read: by position deletes in format 2, by
// deletion vectors in format 3.
func deleteWhere(t *testing.T, e ice.BooleanExpression) func(tx *table.Transaction) error {
	return func(tx *table.Transaction) error { return tx.Delete(t.Context(), e, nil) }
}

func idsBetween(from, to int64) ice.BooleanExpression {
	return ice.NewAnd(ice.GreaterThanEqual(ice.Reference("id"), from), ice.LessThan(ice.Reference("id"), to))
}

// idsOf are the numbers in one column of rows, sorted.
func idsOf(t *testing.T, rows []string) []int64 {
	t.Helper()
	out := make([]int64, len(rows))
	for i, r := range rows {
		var err error
		if out[i], err = strconv.ParseInt(r, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(out)
	return out
}

func TestSourceAppliesDeletes(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		for _, partitioning := range []string{"", "bucket(3, id)"} {
			t.Run("v"+version+" "+partitioning, func(t *testing.T) {
				w := newWarehouse(t, "jdbc")
				tbl := eventTable(w, "events", map[string]string{
					"format-version": version, "partitioning": partitioning, "write.delete.mode": "merge-on-read",
				})
				s := newSink(t, w, tbl)
				c := committer(t, s, "a")
				defer c.Close()
				add := func(e stream.Epoch, from, to int64) {
					t.Helper()
					if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, e, from, to)}, true); err != nil {
						t.Fatal(err)
					}
				}
				want := map[int64]bool{}
				set := func(from, to int64, is bool) {
					for i := from; i < to; i++ {
						want[i] = is
					}
				}
				add(1, 0, 1000)
				set(0, 1000, true)
				w.change(t, "events", deleteWhere(t, idsBetween(100, 200)))
				set(100, 200, false)
				add(2, 1000, 2000)
				set(1000, 2000, true)
				w.change(t, "events", deleteWhere(t, idsBetween(990, 1010)))
				w.change(t, "events", deleteWhere(t, idsBetween(150, 250)))
				set(990, 1010, false)
				set(150, 250, false)
				if partitioning == "" {
					w.change(t, "events", deleteKeys(t, 5, 500, 1500, 12345))
					want[5], want[500], want[1500] = false, false, false
					add(3, 5, 6) // comes after the key was deleted
					want[5] = true
					w.change(t, "events", deleteKeys(t, 6, 1501))
					want[6], want[1501] = false, false
				}
				var ids []int64
				for id, is := range want {
					if is {
						ids = slices.Insert(ids, len(ids), id)
					}
				}
				slices.Sort(ids)
				con := iceberg.Connector(w.env)
				for _, crash := range []int{-1, 1} {
					got := idsOf(t, drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{{"id"}}}, crash))
					if !slices.Equal(got, ids) {
						t.Errorf("crash %d: %d rows, want %d", crash, len(got), len(ids))
					}
				}
				names := drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{{"name"}}}, -1)
				if len(names) != len(ids) {
					t.Errorf("names: %d rows, want %d: the key is not among the columns", len(names), len(ids))
				}
				none := drain(t, con, ops.Scan{Table: tbl, Columns: [][]string{}}, -1)
				if len(none) != len(ids) {
					t.Errorf("no columns: %d rows, want %d", len(none), len(ids))
				}
			})
		}
	}
}

func TestSourceSkipsFilesByFilter(t *testing.T) {
	w := newWarehouse(t, "jdbc")
	tbl := eventTable(w, "events", map[string]string{"partitioning": "bucket(4, id)"})
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	defer c.Close()
	for e := range int64(4) {
		if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), e*100, e*100+100)}, true); err != nil {
			t.Fatal(err)
		}
	}
	con := iceberg.Connector(w.env)
	id, ts := col(0, "id", arrow.PrimitiveTypes.Int64), col(1, "ts", eventSchema.Field(2).Type)
	day := int64(1577836800_000)
	for i, c := range []struct {
		filter string
		of     exprOf
		most   int // rows that may come
		has    []int64
	}{
		{"id = 150", call("eq", id, num(150, arrow.PrimitiveTypes.Int64)), 60, []int64{150}},
		{"id < 100", call("lt", id, num(100, arrow.PrimitiveTypes.Int64)), 100, span(0, 100)},
		{"id in", call("in", id, num(1, arrow.PrimitiveTypes.Int64), num(301, arrow.PrimitiveTypes.Int64)), 120, []int64{1, 301}},
		{"id = 150 or id = 250", call("or", call("eq", id, num(150, arrow.PrimitiveTypes.Int64)), call("eq", id, num(250, arrow.PrimitiveTypes.Int64))), 120, []int64{150, 250}},
		{"id = NULL", call("eq", id, null(arrow.PrimitiveTypes.Int64)), 0, nil},
		{"ts of another unit", call("lt", ts, num(day+3_600_000, eventSchema.Field(2).Type)), 400, []int64{0}},
		{"id > 1000", call("gt", id, num(1000, arrow.PrimitiveTypes.Int64)), 0, nil},
	} {
		scan := ops.Scan{Table: tbl, Columns: [][]string{{"id"}, {"ts"}}, Filter: c.of.doc()}
		rows := drain(t, con, scan, -1)
		var ids []string
		for _, r := range rows {
			ids = append(ids, strings.Fields(r)[0])
		}
		got := idsOf(t, ids)
		if len(got) > c.most {
			t.Errorf("%s: %d rows, want at most %d", c.filter, len(got), c.most)
		}
		for _, id := range c.has {
			if !slices.Contains(got, id) {
				t.Errorf("%s: row %d is missing", c.filter, id)
			}
		}
		if e := con.Rows(t.Context(), scan); !e.Known || int(e.Rows) < len(got) {
			t.Errorf("%d %s: estimate %v, and %d rows came", i, c.filter, e, len(got))
		}
	}
	if e := con.Rows(t.Context(), ops.Scan{Table: tbl}); e.Rows != 400 {
		t.Errorf("estimate %v of 400 rows", e)
	}
}

func TestSourceReadsManyDeletedKeys(t *testing.T) {
	w := newWarehouse(t, "hadoop")
	tbl := eventTable(w, "events", nil)
	s := newSink(t, w, tbl)
	c := committer(t, s, "a")
	defer c.Close()
	random := rand.New(rand.NewPCG(1, 2))
	alive := map[int64]int{}
	for e := range int64(8) {
		if _, err := c.Commit(t.Context(), []ops.Pending{stage(t, s, stream.Epoch(e+1), 0, 50)}, true); err != nil {
			t.Fatal(err)
		}
		for id := range int64(50) {
			alive[id]++
		}
		var gone []int64
		for range 20 {
			id := random.Int64N(60)
			gone = append(gone, id)
			delete(alive, id)
		}
		w.change(t, "events", deleteKeys(t, gone...))
	}
	want := map[string]int{}
	for id, n := range alive {
		want[fmt.Sprint(id)] = n
	}
	got := map[string]int{}
	for _, r := range drain(t, iceberg.Connector(w.env), ops.Scan{Table: tbl, Columns: [][]string{{"id"}}}, 1) {
		got[r]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
