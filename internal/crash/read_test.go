package crash

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

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

// readAll reads the job's tables with readers that are not ours: iceberg-go
// for the Iceberg tables, arrow-go for the Parquet files.
func readAll(t *testing.T, dir string) map[string]digest {
	t.Helper()
	return map[string]digest{
		"bids": readIceberg(t, dir, "bids"), "tops": readIceberg(t, dir, "tops"), "sessions": readIceberg(t, dir, "sessions"), "files": readFiles(t, filepath.Join(dir, "files")),
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

func readIceberg(t *testing.T, dir, name string, which ...table.ScanOption) (d digest) {
	t.Helper()
	cat, done, err := openCatalog(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	tbl, err := cat.LoadTable(t.Context(), []string{"db", name})
	if err != nil {
		t.Fatal(err)
	}
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

// readFiles reads the visible files of a directory.
func readFiles(t *testing.T, dir string) (d digest) {
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
