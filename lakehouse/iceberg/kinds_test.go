package iceberg_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

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
	"github.com/wadi-engine/wadi/stream"
)

// kinds are the catalogs that need a server, or a store that is not local disk.
var kinds = []string{"rest", "hive", "glue", "postgresql", "hadoop-mem", "hadoop-s3"}

// newRemote makes a warehouse whose catalog is of a kind, or skips the test.
func newRemote(t *testing.T, kind string) *warehouse {
	t.Helper()
	w := &warehouse{kind: kind, env: catalog.Env{
		Stores:   objstore.New(objstore.Options{Openers: map[string]objstore.Opener{"s3": s3.Open}}),
		Catalogs: catalogs.Openers(),
	}}
	switch kind {
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
	for _, kind := range kinds {
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
		Options: map[string]string{"owner": "me", "sink.commit.max-age": "3 s", "connector": "iceberg"},
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
	if got.Options["owner"] != "me" || got.Options["format-version"] != "2" || got.Options["catalog-table"] != "orders" {
		t.Errorf("options %v", got.Options)
	}
	if diff := cmp.Diff([][]string{{"id"}, {"small"}}, [][]string{got.PrimaryKey, got.PartitionedBy}); diff != "" {
		t.Errorf("keys: %s", diff)
	}
	got.Options["owner"] = "you"
	delete(got.Options, "sink.commit.max-age")
	check(c.AlterTable(ctx, got, nil), nil)
	got, err = c.Table(ctx, db, "orders")
	check(err, nil)
	if _, there := got.Options["sink.commit.max-age"]; there || got.Options["owner"] != "you" {
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
	if w.kind != "rest" { // there it is the server's choice, and this one makes the database
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
	newSink(t, w, tbl) // creates the table
	var wg sync.WaitGroup
	for j := range writers {
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
					got, err := c.Commit(background, all[:e+1], true)
					if err != nil || got != stream.Epoch(e+1) {
						t.Errorf("job %d: Commit = %d, %v", j, got, err)
					}
					c.Close()
				}
			}
		})
	}
	wg.Wait()
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

// TestCatalogRefuses: options that cannot be are named.
func TestCatalogRefuses(t *testing.T) {
	env := catalog.Env{Stores: objstore.New(objstore.Options{}), Catalogs: catalogs.Openers()}
	for want, options := range map[string]map[string]string{
		"'catalog-type' is missing":  {},
		"use 'rest'":                 {"catalog-type": "nessie"},
		"'glue', 'hive', 'rest'":     {"catalog-type": "x"},
		"want the URL":               {"catalog-type": "rest", "uri": "nowhere"},
		"thrift://host:9083":         {"catalog-type": "hive", "uri": "http://x"},
		"no region":                  {"catalog-type": "glue"},
		"go together":                {"catalog-type": "glue", "client.region": "x", "glue.access-key-id": "x"},
		"'warehouse' is missing":     {"catalog-type": "jdbc", "uri": "jdbc:postgresql://x/y"},
		"jdbc:sqlite:/path":          {"catalog-type": "jdbc", "uri": "jdbc:oracle:x", "warehouse": "/x"},
		"want none, oauth2 or sigv4": {"catalog-type": "rest", "uri": "http://x", "rest.auth.type": "google"},
	} {
		t.Setenv("AWS_REGION", "")
		_, err := catalog.Open(t.Context(), "c", options, env)
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	for want, options := range map[string]map[string]string{
		"Java class":       {"catalog-impl": "org.x.Y"},
		`no option "urii"`: {"catalog-type": "rest", "urii": "x"},
	} {
		if err := catalog.CheckOptions(options); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	if err := catalog.CheckOptions(map[string]string{"type": "iceberg", "header.X-A": "b", "s3.endpoint": "x", "token": "x"}); err != nil {
		t.Error(err)
	}
}
