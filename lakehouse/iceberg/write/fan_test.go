package write

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/read"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/schemas"
	"github.com/wadi-engine/wadi/vector"
)

// fanTable creates a table and returns it with its files' schema.
func fanTable(t *testing.T, columns *arrow.Schema, options map[string]string, change func(*table.Transaction) error) (*table.Table, *arrow.Schema) {
	t.Helper()
	c, err := catalog.Open(t.Context(), "cat", map[string]string{"catalog-type": "hadoop", "warehouse": t.TempDir()}, catalog.Env{Stores: objstore.New(objstore.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ident := job.Ident{Catalog: "cat", Database: catalog.DefaultDatabase, Name: "t"}
	if err := c.CreateTable(t.Context(), job.Table{Ident: ident, Schema: job.Schema{Schema: columns}, Options: options}); err != nil {
		t.Fatal(err)
	}
	tbl, err := c.Load(t.Context(), catalog.DefaultDatabase, "t")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		tx := tbl.NewTransaction()
		if err := change(tx); err != nil {
			t.Fatal(err)
		}
		if tbl, err = tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := schemas.FileSchema(tbl.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return tbl, schema
}

var fanColumns = arrow.NewSchema([]arrow.Field{
	{Name: "i", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	{Name: "l", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "s", Type: arrow.BinaryTypes.StringView, Nullable: true},
	{Name: "date", Type: arrow.FixedWidthTypes.Date32, Nullable: true},
	{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
	{Name: "dec", Type: &arrow.Decimal128Type{Precision: 20, Scale: 2}, Nullable: true},
	{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

// fanRows makes random rows; every value is NULL now and then.
func fanRows(mem memory.Allocator, rng *rand.Rand, n int) arrow.RecordBatch {
	b := array.NewRecordBuilder(mem, fanColumns)
	defer b.Release()
	texts := []string{"", "a", "äöü", "日本語と英語", "abcdef", "abcxyz"}
	for i := range n {
		for c := range b.Fields()[:6] {
			if rng.IntN(10) == 0 {
				b.Field(c).AppendNull()
				continue
			}
			switch f := b.Field(c).(type) {
			case *array.Int32Builder:
				f.Append(rng.Int32N(40) - 20)
			case *array.Int64Builder:
				f.Append(rng.Int64N(40) - 20)
			case *array.StringViewBuilder:
				f.Append(texts[rng.IntN(len(texts))])
			case *array.Date32Builder:
				f.Append(arrow.Date32(rng.Int32N(200_000) - 100_000))
			case *array.TimestampBuilder:
				f.Append(arrow.Timestamp(rng.Int64N(4e15) - 2e15))
			case *array.Decimal128Builder:
				f.Append(decimal128.FromI64(rng.Int64N(4000) - 2000))
			}
		}
		b.Field(6).(*array.Int64Builder).Append(int64(i))
	}
	return b.NewRecordBatch()
}

// TestPartitionsAgree divides random rows by every transform, as iceberg-go
// does.
func TestPartitionsAgree(t *testing.T) {
	for _, partitioning := range []string{
		"i", "s", "dec", "date", "year(date)", "month(date)", "day(date)", "year(ts)", "month(ts)", "day(ts)", "hour(ts)",
		"bucket(7, i)", "bucket(7, l)", "bucket(7, s)", "bucket(7, date)", "bucket(7, ts)", "bucket(7, dec)",
		"truncate(7, i)", "truncate(7, l)", "truncate(3, s)", "truncate(50, dec)", "void(i)", "bucket(2, l), year(ts), truncate(1, s)",
	} {
		t.Run(partitioning, func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			tbl, schema := fanTable(t, fanColumns, map[string]string{"partitioning": partitioning}, nil)
			l, err := NewLayout(t.Context(), tbl, schema, "tag", mem)
			if err != nil {
				t.Fatal(err)
			}
			rec := fanRows(mem, rand.New(rand.NewPCG(1, 2)), 120)
			defer rec.Release()
			count := func(files []ice.DataFile) map[string]int64 {
				rows := map[string]int64{}
				for _, df := range files {
					// As the manifests will have it.
					c, err := Encode(tbl, df)
					if err != nil {
						t.Fatal(err)
					}
					st, err := Decode(c)
					if err != nil {
						t.Fatal(err)
					}
					if df, err = st.DataFile(tbl); err != nil {
						t.Fatal(err)
					}
					rows[PartitionKey(df.Partition())] += df.Count()
				}
				return rows
			}
			ours, theirs := count(oursOf(t, l, rec)), count(theirsOf(t, tbl, schema, rec))
			if partitioning == "void(i)" && len(ours) != 1 || partitioning != "void(i)" && len(ours) < 2 {
				t.Errorf("%d partitions", len(ours))
			}
			if !maps.Equal(ours, theirs) {
				t.Errorf("ours %v\ntheirs %v", ours, theirs)
			}
		})
	}
}

// placements checks that a watcher is told the truth.
type placements struct {
	t     *testing.T
	where map[string][]int64 // numbers of the rows, by position
	first int64
	rows  int
}

func (p *placements) Placed(f *File, first int64, sel vector.Sel) {
	if int64(len(p.where[f.Path])) != first {
		p.t.Errorf("rows at %d of a file of %d", first, len(p.where[f.Path]))
	}
	if sel == nil {
		for i := range p.rows {
			p.where[f.Path] = append(p.where[f.Path], p.first+int64(i))
		}
	}
	for _, i := range sel {
		p.where[f.Path] = append(p.where[f.Path], p.first+int64(i))
	}
}

func (p *placements) Ordered(f *File, order vector.Sel) {
	old := p.where[f.Path]
	p.where[f.Path] = make([]int64, len(order))
	for i, at := range order {
		p.where[f.Path][i] = old[at]
	}
}

// TestFilesOfPartitions writes batches into more partitions than files may be
// open, sorted and not, and reads every file.
func TestFilesOfPartitions(t *testing.T) {
	for _, sorted := range []bool{false, true} {
		t.Run(fmt.Sprint("sorted=", sorted), func(t *testing.T) {
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			defer mem.AssertSize(t, 0)
			tbl, schema := fanTable(t, fanColumns, map[string]string{"partitioning": "bucket(150, dec)"}, func(tx *table.Transaction) error {
				if !sorted {
					return nil
				}
				f := func(name string, t ice.Transform, d table.SortDirection, n table.NullOrder) table.SortField {
					id := map[string]int{"s": 3, "l": 2}[name]
					return table.SortField{SourceIDs: []int{id}, Transform: t, Direction: d, NullOrder: n}
				}
				o, err := table.NewSortOrder(1, []table.SortField{
					f("s", ice.TruncateTransform{Width: 1}, table.SortASC, table.NullsLast), f("l", ice.IdentityTransform{}, table.SortDESC, table.NullsFirst),
				})
				if err != nil {
					return err
				}
				return tx.ReplaceSortOrder(o)
			})
			l, err := NewLayout(t.Context(), tbl, schema, "tag", mem)
			if err != nil {
				t.Fatal(err)
			}
			p := &placements{t: t, where: map[string][]int64{}}
			s, err := NewFan(l, p)
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			var all []arrow.RecordBatch
			for i := range 6 {
				rec := fanRows(mem, rng, 400)
				defer rec.Release()
				all = append(all, rec)
				r, err := schemas.ConvertRecord(mem, rec, l.Schema)
				if err != nil {
					t.Fatal(err)
				}
				p.first, p.rows = int64(i*400), 400
				if err := s.Write(r); err != nil {
					t.Fatal(err)
				}
				if len(s.open) > maxOpen {
					t.Errorf("%d files are open", len(s.open))
				}
			}
			files, err := s.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if len(files) < 150 {
				t.Errorf("%d files", len(files))
			}
			rows := 0
			for _, df := range files {
				rows += checkFile(t, tbl, df, p, all, sorted)
			}
			if rows != 2400 {
				t.Errorf("%d rows", rows)
			}
		})
	}
}

// checkFile compares a file with what the watcher was told of it.
func checkFile(t *testing.T, tbl *table.Table, df ice.DataFile, p *placements, all []arrow.RecordBatch, sorted bool) int {
	t.Helper()
	if sorted != (df.SortOrderID() != nil && *df.SortOrderID() > 0) {
		t.Errorf("sort order %v", df.SortOrderID())
	}
	numbers := readColumn(t, tbl, df.FilePath(), "n")
	where := p.where[df.FilePath()]
	var last string
	for i, n := range numbers {
		if w := where[i] % 400; n != w {
			t.Fatalf("row %d is number %d, want %d", i, n, w)
		}
		rec := all[where[i]/400]
		key := "\xff"
		if s := rec.Column(2).(*array.StringView); s.IsValid(int(n)) {
			key = fmt.Sprintf("%-1.1s ", s.Value(int(n)))
		}
		if l := rec.Column(1).(*array.Int64); l.IsValid(int(n)) {
			key += fmt.Sprintf("%03d", 500-l.Value(int(n)))
		}
		if sorted && strings.Compare(key, last) < 0 {
			t.Errorf("%q comes behind %q", key, last)
		}
		last = key
	}
	return len(numbers)
}

// readColumn reads a column of int64 of a file.
func readColumn(t *testing.T, tbl *table.Table, path, column string) []int64 {
	t.Helper()
	fsys, err := tbl.FS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f, _ := tbl.Schema().FindFieldByName(column)
	columns := []read.Column{{Path: []string{column}, Fields: []ice.NestedField{f}, Want: arrow.Field{Name: column, Type: arrow.PrimitiveTypes.Int64}}}
	files := read.NewReader(t.Context(), tbl, fsys, memory.DefaultAllocator)
	defer files.Close()
	var out []int64
	err = read.NewKeys(files, columns).Read(t.Context(), path, func(keys []arrow.Array, _ int64) error {
		out = append(out, slices.Clone(keys[0].(*array.Int64).Int64Values())...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
