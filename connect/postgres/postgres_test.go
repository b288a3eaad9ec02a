package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/connect/postgres"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// database is a server with a table called t.
type database struct {
	address string
	conn    *pgconn.PgConn
}

func start(t *testing.T, setup ...string) *database {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a database")
	}
	d := &database{address: testserver.Postgres(t)}
	var err error
	if d.conn, err = pgconn.Connect(t.Context(), "postgres://postgres@"+d.address+"/postgres"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.conn.Close(context.Background()) })
	d.exec(t, setup...)
	return d
}

func (d *database) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := d.conn.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// contents are the rows of t.
func (d *database) contents(t *testing.T) map[string]int {
	t.Helper()
	res, err := d.conn.Exec(t.Context(), "SELECT k, coalesce(v::text, '(null)') FROM t").ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, row := range res[0].Rows {
		all[string(row[0])+" "+string(row[1])]++
	}
	return all
}

func (d *database) table(key arrow.DataType, options map[string]string) job.Table {
	host, port, _ := net.SplitHostPort(d.address)
	o := map[string]string{
		"hostname": host, "port": port, "username": "postgres", "database-name": "postgres", "schema-name": "public", "table-name": "t",
		"slot.name": "wadi_test", "scan.snapshot.fetch.size": "7",
	}
	maps.Copy(o, options)
	return job.Table{
		Ident: job.Ident{Name: "t"}, Connector: "postgres-cdc", Options: o, PrimaryKey: []string{"k"},
		Schema: job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: "k", Type: key}, {Name: "v", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)},
	}
}

// follower is a job: what it has been given, and what it knew at its checkpoints.
type follower struct {
	src     ops.Source
	split   ops.Split
	rows    map[string]int    // of a changelog
	byKey   map[string]string // of one by key
	upserts bool
}

func follow(t *testing.T, table job.Table) *follower {
	t.Helper()
	src, err := postgres.Connector().Source(t.Context(), ops.Scan{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	enum, err := src.Enumerator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := enum.Discover(t.Context()); !done || err != nil {
		t.Fatal(done, err)
	}
	return &follower{src: src, split: enum.Take(0, 1, 1)[0], rows: map[string]int{}, byKey: map[string]string{}, upserts: table.Options["changelog-mode"] == "upsert"}
}

// patience is how long nothing may come before a test fails that waits for something.
const patience = 10 * time.Second

// wait waits until there is something to fetch.
func wait(t *testing.T, ready <-chan struct{}) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-ready:
	case <-late.C:
		t.Fatal("nothing comes")
	}
}

// run reads until stop says so, and ends as a crash does. Something is always to
// come until then.
func (f *follower) run(t *testing.T, stop func(fetches int) bool) {
	t.Helper()
	r, err := f.src.Reader(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Assign([]ops.Split{f.split}); err != nil {
		t.Fatal(err)
	}
	for n := 0; !stop(n); n++ {
		got, err := r.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.Ready != nil {
			wait(t, got.Ready)
			continue
		}
		f.split = got.After
		if got.Batch != nil {
			f.take(t, got.Batch)
		}
		if got.Done {
			return
		}
	}
}

// fail reads until that fails; something happens once so many rows are there.
func (f *follower) fail(t *testing.T, rows int, happens func()) error {
	t.Helper()
	r, err := f.src.Reader(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Assign([]ops.Split{f.split}); err != nil {
		t.Fatal(err)
	}
	for happened := false; ; {
		got, err := r.Fetch(t.Context())
		if err != nil {
			return err
		}
		if got.Batch != nil {
			f.take(t, got.Batch)
		}
		if !happened && len(f.state()) == rows {
			happens()
			happened = true
		}
		if got.Ready != nil {
			wait(t, got.Ready)
		}
	}
}

// free drops the slot once nobody reads by it any more.
func (d *database) free(t *testing.T) {
	t.Helper()
	const active = "SELECT FROM pg_replication_slots WHERE slot_name = 'wadi_test' AND active"
	for tick := time.Tick(5 * time.Millisecond); ; <-tick {
		res, err := d.conn.Exec(t.Context(), active).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(res[0].Rows) == 0 {
			break
		}
	}
	d.exec(t, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'wadi_test'")
}

func (f *follower) take(t *testing.T, b *stream.Batch) {
	t.Helper()
	defer b.Release()
	for i := range b.Len() {
		k, v := b.Rows.Column(0).ValueStr(i), b.Rows.Column(1).ValueStr(i)
		if f.upserts {
			if b.Kind(i) == stream.Delete {
				delete(f.byKey, k)
			} else {
				f.byKey[k] = v
			}
			continue
		}
		if b.Kind(i).Retracts() {
			f.rows[k+" "+v]--
		} else {
			f.rows[k+" "+v]++
		}
	}
}

// state is what the table is by all changes.
func (f *follower) state() map[string]int {
	all := map[string]int{}
	for row, n := range f.rows {
		if n != 0 {
			all[row] = n
		}
	}
	for k, v := range f.byKey {
		all[k+" "+v]++
	}
	return all
}

// TestFollow: whatever happens to a table while it is read, and however often the
// reader dies, in the snapshot and behind it, what it has given makes up the table.
func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name, key, identity string
		of                  arrow.DataType
		options             map[string]string
	}{
		{"numbers", "bigint", "FULL", arrow.PrimitiveTypes.Int64, nil},
		{"texts", "text", "FULL", arrow.BinaryTypes.StringView, nil},
		{"upsert", "bigint", "DEFAULT", arrow.PrimitiveTypes.Int64, map[string]string{"changelog-mode": "upsert"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t, "CREATE TABLE t (k "+c.key+" PRIMARY KEY, v bigint, other text)", "CREATE TABLE noise (i int)",
				"ALTER TABLE t REPLICA IDENTITY "+c.identity, "INSERT INTO t SELECT i * 10, i FROM generate_series(1, 150) AS i")
			random := rand.New(rand.NewSource(7))
			marks := 0
			mark := func() { // a row that is sure to come
				marks++
				d.exec(t, fmt.Sprintf("INSERT INTO t VALUES ('%d', 0)", 1_000_000+marks))
			}
			change := func() {
				defer mark()
				k, other := random.Intn(1700), random.Intn(1700)
				d.exec(t, "INSERT INTO noise VALUES (1)", []string{
					fmt.Sprintf("INSERT INTO t VALUES ('%d', %d) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v + 1", k, other),
					fmt.Sprintf("UPDATE t SET v = NULLIF(v %% 100, 3) + 1 WHERE k > '%d'", k),
					fmt.Sprintf("UPDATE t SET k = '%d' WHERE k = '%d' AND NOT EXISTS (SELECT 1 FROM t WHERE k = '%d')", other, k/10*10, other),
					fmt.Sprintf("DELETE FROM t WHERE k IN ('%d', '%d')", k/10*10, other/10*10),
					fmt.Sprintf("BEGIN; DELETE FROM t WHERE k = '%d'; INSERT INTO t VALUES ('%d', 1); ROLLBACK", k/10*10, other*2000+k),
				}[random.Intn(5)])
			}
			f := follow(t, d.table(c.of, c.options))
			for range 12 {
				f.run(t, func(n int) bool {
					change()
					return n >= random.Intn(30)
				})
				change()
			}
			var got, want map[string]int
			for range 2 { // the second time, that nothing was given twice
				mark()
				want = d.contents(t)
				behind := time.Now().Add(patience)
				f.run(t, func(int) bool { return maps.Equal(f.state(), want) || time.Now().After(behind) })
			}
			if got = f.state(); !maps.Equal(got, want) {
				t.Errorf("position %s: %d rows, want %d", f.split.Position, len(got), len(want))
				for row := range got {
					if want[row] == 0 {
						t.Errorf("too many: %d times %s", got[row], row)
					}
				}
				for row := range want {
					if got[row] == 0 {
						t.Errorf("missing: %s", row)
					}
				}
			}
		})
	}
}

// TestModes: a snapshot ends, and the others begin where they say.
func TestModes(t *testing.T) {
	d := start(t, "CREATE TABLE t (k bigint PRIMARY KEY, v bigint)", "ALTER TABLE t REPLICA IDENTITY FULL", "INSERT INTO t VALUES (1, 1), (2, 2)")
	of := func(mode string) *follower {
		return follow(t, d.table(arrow.PrimitiveTypes.Int64, map[string]string{"scan.startup.mode": mode}))
	}
	f := of("snapshot")
	f.run(t, func(int) bool { return false })
	if got := fmt.Sprint(f.state()); got != "map[1 1:1 2 2:1]" {
		t.Errorf("snapshot: %s", got)
	}
	f = of("latest-offset")
	d.exec(t, "INSERT INTO t VALUES (3, 3)")
	f.run(t, func(int) bool { return len(f.state()) > 0 })
	g := of("latest-offset")
	d.exec(t, "INSERT INTO t VALUES (4, 4)")
	g.run(t, func(int) bool { return len(g.state()) > 0 })
	if got := fmt.Sprint(f.state(), g.state()); got != "map[3 3:1] map[4 4:1]" {
		t.Errorf("latest-offset: %s", got)
	}
	h := of("committed-offset")
	h.run(t, func(int) bool { return len(h.state()) > 0 })
	if got := fmt.Sprint(h.state()); got != "map[4 4:1]" { // the second job began behind 3, and has said so
		t.Errorf("committed-offset: %s", got)
	}
}

// TestRefused: what a table lacks is said before anything is read, and what happens
// to it later when it does.
func TestRefused(t *testing.T) {
	d := start(t, "CREATE TABLE t (k bigint PRIMARY KEY, v bigint)")
	prepare := func(options map[string]string) error {
		src, err := postgres.Connector().Source(t.Context(), ops.Scan{Table: d.table(arrow.PrimitiveTypes.Int64, options)})
		if err != nil {
			return err
		}
		enum, err := src.Enumerator(t.Context(), nil)
		if err != nil {
			return err
		}
		_, err = enum.Discover(t.Context())
		return err
	}
	for _, c := range []struct {
		options map[string]string
		problem string
	}{
		{nil, "REPLICA IDENTITY FULL"},
		{map[string]string{"table-name": "nowhere"}, "there is no table public.nowhere"},
		{map[string]string{"changelog-mode": "upsert", "debezium.publication.autocreate.mode": "disabled"}, "CREATE PUBLICATION"},
		{map[string]string{"slot.name": "A-B"}, "slot.name"},
		{map[string]string{"decoding.plugin.name": "wal2json"}, "pgoutput"},
		{map[string]string{"scan.startup.mode": "earliest-offset"}, "latest-offset"},
		{map[string]string{"slotname": "x"}, "slot.name"},
	} {
		if err := prepare(c.options); err == nil || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%v: error %v, want one that says %q", c.options, err, c.problem)
		}
	}
	d.exec(t, "ALTER TABLE t REPLICA IDENTITY FULL", "INSERT INTO t VALUES (1, 1)")
	for statement, problem := range map[string]string{
		"ALTER TABLE t ALTER COLUMN v TYPE text; INSERT INTO t VALUES (9, '9')": "type of column v", "TRUNCATE t": "emptied by TRUNCATE",
		"ALTER TABLE t RENAME COLUMN v TO w; INSERT INTO t VALUES (8, 8)": "no column v any more", "ALTER TABLE t REPLICA IDENTITY DEFAULT; DELETE FROM t": "REPLICA IDENTITY FULL",
	} {
		d.exec(t, "DROP TABLE t CASCADE", "CREATE TABLE t (k bigint PRIMARY KEY, v bigint)", "ALTER TABLE t REPLICA IDENTITY FULL", "INSERT INTO t VALUES (1, 1)",
			"DROP PUBLICATION IF EXISTS wadi_test")
		d.free(t)
		f := follow(t, d.table(arrow.PrimitiveTypes.Int64, nil))
		f.run(t, func(int) bool { return len(f.state()) == 1 })
		d.exec(t, "INSERT INTO t VALUES (2, 2)")
		err := f.fail(t, 2, func() {
			for one := range strings.SplitSeq(statement, "; ") {
				d.exec(t, one)
			}
		})
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: error %v, want one that says %q", statement, err, problem)
		}
	}
}
