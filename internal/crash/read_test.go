package crash

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/apache/iceberg-go"
	sqlcat "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/apache/iceberg-go/io/gocloud" // the file system of local warehouses
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite" // the catalog's database
)

// digest is a multiset of rows: how many, and the sum of their hashes.
type digest struct {
	rows int64
	sum  uint64
}

func (d *digest) add(rec arrow.RecordBatch) {
	for i := range int(rec.NumRows()) {
		h := fnv.New64a()
		for _, c := range rec.Columns() {
			fmt.Fprintf(h, "%s|", c.ValueStr(i))
		}
		d.sum += h.Sum64()
		d.rows++
	}
}

// openCatalog opens the catalog of a job with iceberg-go.
func openCatalog(dir string) (cat *sqlcat.Catalog, done func(), err error) {
	path := filepath.Join(dir, "catalog.db")
	if _, err := os.Stat(path); err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, nil, err
	}
	if cat, err = sqlcat.NewCatalog("lake", db, sqlcat.SQLite, iceberg.Properties{"warehouse": "file://" + dir + "/warehouse"}); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return cat, func() { _ = db.Close() }, nil
}

// reader reads Iceberg tables, and is not ours.
type reader struct {
	name string
	read func(t *testing.T, dir string, tables map[string]string) map[string]contents
}

// contents are the rows of a table that are the job's, and how many others wrote.
type contents struct {
	ours   digest
	others int64
}

// readers are iceberg-go, and those that the command line names.
func readers() []reader {
	all := []reader{{"iceberg-go", readIceberg}}
	for _, named := range strings.Fields(*others) {
		name, python, _ := strings.Cut(named, "=")
		all = append(all, reader{name, func(t *testing.T, dir string, tables map[string]string) map[string]contents {
			t.Helper()
			return readOutside(t, name, python, dir, tables)
		}})
	}
	return all
}

// readOutside asks a reader in Python.
func readOutside(t *testing.T, name, python, dir string, tables map[string]string) map[string]contents {
	t.Helper()
	args := []string{filepath.Join("..", "..", "testdata", "interop", "digest.py"), name, dir}
	for table, column := range tables {
		args = append(args, strings.TrimSuffix(table+":"+column, ":"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, args...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, problems.String())
	}
	all := map[string]contents{}
	for line := range strings.Lines(string(out)) {
		var table string
		var c contents
		if _, err := fmt.Sscan(line, &table, &c.ours.rows, &c.ours.sum, &c.others); err != nil {
			t.Fatalf("%s says %q: %v", name, line, err)
		}
		all[table] = c
	}
	if len(all) != len(tables) {
		t.Fatalf("%s has read %d of %d tables\n%s", name, len(all), len(tables), problems.String())
	}
	return all
}

func readIceberg(t *testing.T, dir string, tables map[string]string) map[string]contents {
	t.Helper()
	cat, done, err := openCatalog(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	all := map[string]contents{}
	for name, column := range tables {
		tbl, err := cat.LoadTable(t.Context(), []string{"db", name})
		if err != nil {
			t.Fatal(err)
		}
		if s := tbl.CurrentSnapshot(); s != nil && s.Summary != nil {
			t.Logf("table %s of format %d has %s files of data and %s of deletes", name, tbl.Metadata().Version(), s.Summary.Properties["total-data-files"], s.Summary.Properties["total-delete-files"])
		}
		var c contents
		if column == "" {
			c.ours = scan(t, tbl)
		} else {
			c.ours = scan(t, tbl, table.WithRowFilter(iceberg.GreaterThanEqual(iceberg.Reference(column), int64(0))))
			c.others = scan(t, tbl, table.WithRowFilter(iceberg.LessThan(iceberg.Reference(column), int64(0)))).rows
		}
		all[name] = c
	}
	return all
}

func scan(t *testing.T, tbl *table.Table, which ...table.ScanOption) (d digest) {
	t.Helper()
	_, recs, err := tbl.Scan(which...).ToArrowRecords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range recs {
		if err != nil {
			t.Fatal(err)
		}
		d.add(rec)
		rec.Release()
	}
	return d
}

// readFiles reads the visible Parquet files of a job with arrow-go.
func readFiles(t *testing.T, dir string) map[string]digest {
	t.Helper()
	return map[string]digest{"files": readParquet(t, filepath.Join(dir, "files"))}
}

func readParquet(t *testing.T, dir string) (d digest) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_"); hidden {
			if e.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		r, err := file.NewParquetReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		p, err := pqarrow.NewFileReader(r, pqarrow.ArrowReadProperties{BatchSize: 64 << 10}, memory.DefaultAllocator)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		recs, err := p.GetRecordReader(context.Background(), nil, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer recs.Release()
		for recs.Next() {
			d.add(recs.RecordBatch())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
