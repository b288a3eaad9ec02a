package iceberg_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/objstore/s3"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/catalogs"
	"github.com/wadi-engine/wadi/lakehouse/iceberg"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/ops"
)

// kinds are the catalogs that need a server, or a store that is not local disk,
// beside jdbc and hadoop.
var kinds = []string{"rest", "hive", "glue", "postgresql", "hadoop-mem", "hadoop-s3"}

// newRemote makes a warehouse whose catalog is of a kind, or skips the test.
func newRemote(t *testing.T, kind string) *warehouse {
	t.Helper()
	w := &warehouse{kind: kind, env: catalog.Env{
		Stores:   objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}}),
		Catalogs: catalogs.Openers(),
	}}
	switch kind {
	case "jdbc", "hadoop":
		return newWarehouse(t, kind)
	case "rest":
		uri, dir := testserver.REST(t)
		w.dir, w.options = dir, map[string]string{"catalog-type": kind, "uri": uri, "warehouse": "file://" + dir}
	case "hive":
		uri, dir := testserver.Hive(t)
		w.dir, w.options = dir, map[string]string{"catalog-type": kind, "uri": uri, "warehouse": "file://" + dir}
	case "glue":
		w.options = map[string]string{
			"catalog-type": kind, "warehouse": t.TempDir(), "glue.endpoint": testserver.Glue(t), "client.region": "us-east-1",
			"glue.access-key-id": "testing", "glue.secret-access-key": "testing",
		}
	case "postgresql":
		w.options = map[string]string{"catalog-type": "jdbc", "uri": "jdbc:postgresql://postgres@" + testserver.Postgres(t) + "/postgres?sslmode=disable", "warehouse": t.TempDir()}
	case "hadoop-mem":
		w.options = map[string]string{"catalog-type": "hadoop", "warehouse": "mem://lake/wh"}
	case "hadoop-s3":
		url, props := testserver.S3(t)
		w.options = map[string]string{"catalog-type": "hadoop", "warehouse": url + "/wh"}
		maps.Copy(w.options, props)
	}
	return w
}

// fresh is a database of its own, for servers that outlive the test.
func fresh(t *testing.T, c *catalog.Catalog) string {
	t.Helper()
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := c.CreateDatabase(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.DropDatabase(background, name, true) })
	return name
}

// TestKinds: each kind of catalog creates, lists, changes, renames and drops.
func TestKinds(t *testing.T) {
	for _, kind := range append([]string{"jdbc", "hadoop"}, kinds...) {
		t.Run(kind, func(t *testing.T) { testKind(t, newRemote(t, kind)) })
	}
}

func testKind(t *testing.T, w *warehouse) {
	c, ctx := w.open(t), t.Context()
	db := fresh(t, c)
	check := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) || want != nil && !errors.Is(err, job.ErrInvalid) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	check(c.CreateDatabase(ctx, db, nil), catalog.ErrExists)
	dbs, err := c.Databases(ctx)
	if !slices.Contains(dbs, db) || err != nil {
		t.Errorf("databases: %q, %v", dbs, err)
	}
	orders := job.Table{
		Ident: job.Ident{Catalog: "cat", Database: db, Name: "orders"}, Schema: job.Schema{Schema: eventSchema},
		PrimaryKey: []string{"id"}, PartitionedBy: []string{"small"},
		Options: map[string]string{"write.parquet.compression-codec": "zstd", "owner": "me", "sink.commit.max-age": "3 s", "connector": "iceberg"},
	}
	check(c.CreateTable(ctx, orders), nil)
	check(c.CreateTable(ctx, orders), catalog.ErrExists)
	list := func(want ...string) {
		t.Helper()
		got, err := c.Tables(ctx, db)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("tables: %v\n%s", err, diff)
		}
	}
	list("orders")
	got, err := w.open(t).Table(ctx, db, "orders") // another process
	check(err, nil)
	if got.Connector != "iceberg" || got.Options["owner"] != "me" || got.Options["sink.commit.max-age"] != "3 s" || got.Options["format-version"] != "2" ||
		got.Options["catalog-table"] != "orders" || got.Options["warehouse"] != w.options["warehouse"] {
		t.Errorf("table %+v", got)
	}
	want := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "name", Type: arrow.BinaryTypes.StringView, Nullable: true},
		{Name: "ts", Type: &arrow.TimestampType{Unit: arrow.Microsecond}, Nullable: true},
		{Name: "small", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
	}, nil)
	if !got.Schema.Equal(want) {
		t.Errorf("schema %s, want %s", got.Schema, want)
	}
	if diff := cmp.Diff([][]string{{"id"}, {"small"}}, [][]string{got.PrimaryKey, got.PartitionedBy}); diff != "" {
		t.Errorf("keys: %s", diff)
	}
	got.Options["owner"] = "you"
	delete(got.Options, "write.parquet.compression-codec")
	check(c.AlterTable(ctx, got, nil), nil)
	got, err = c.Table(ctx, db, "orders")
	check(err, nil)
	if _, there := got.Options["write.parquet.compression-codec"]; there || got.Options["owner"] != "you" {
		t.Errorf("altered options: %v", got.Options)
	}
	if err := c.RenameTable(ctx, db, "orders", "bills"); w.options["catalog-type"] == "hadoop" {
		check(err, job.ErrInvalid)
	} else {
		check(err, nil)
		list("bills")
		check(c.RenameTable(ctx, db, "bills", "orders"), nil)
	}
	if err := c.DropDatabase(ctx, db, false); !errors.Is(err, job.ErrInvalid) {
		t.Errorf("drop of a database that is not empty: %v", err)
	}
	check(c.DropTable(ctx, db, "orders"), nil)
	check(c.DropTable(ctx, db, "orders"), catalog.ErrNotFound)
	_, err = c.Table(ctx, db, "orders")
	check(err, catalog.ErrNotFound)
	check(c.CreateTable(ctx, orders), nil)
	check(c.DropDatabase(ctx, db, true), nil)
	_, err = c.Tables(ctx, db)
	check(err, catalog.ErrNotFound)
	if w.kind != "rest" && w.kind != "hadoop" { // there it is the server's choice, and a directory is made with what is below it
		check(c.CreateTable(ctx, orders), catalog.ErrNotFound)
	}
}

// TestKindsMeet: two writers publish to one table through each kind of catalog
// at once, and publish everything again; each row is there once.
func TestKindsMeet(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { testMeet(t, newRemote(t, kind)) })
	}
}

func testMeet(t *testing.T, w *warehouse) {
	const writers, epochs = 2, 6
	db := fresh(t, w.open(t))
	tbl := eventTable(w, "events", map[string]string{"catalog-database": db})
	// moto accepts an outdated version id: two commits at once would both succeed.
	publishAtOnce(t, w, tbl, writers, epochs, w.kind == "glue" && os.Getenv(testserver.EnvGlue) == "")
	there, err := w.open(t).Table(t.Context(), db, "events")
	if err != nil {
		t.Fatal(err)
	}
	rows := drain(t, iceberg.Connector(w.env), ops.Scan{Table: there}, -1)
	if len(rows) != writers*epochs*10 {
		t.Errorf("%d rows, want %d", len(rows), writers*epochs*10)
	}
	slices.Sort(rows)
	if n := len(slices.Compact(rows)); n != writers*epochs*10 {
		t.Errorf("%d different rows, want %d", n, writers*epochs*10)
	}
}
