package jdbc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/wadi-engine/wadi/connect/jdbc"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/ops"
)

// TestFence: a writer waits until the transaction of a dead one is over, whose rows its
// DELETE would not see.
func TestFence(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database")
	}
	db := sqltest.Postgres(t)
	db.Exec(t, "CREATE TABLE mirror (a text PRIMARY KEY, b bigint)")
	dead, err := pgconn.Connect(t.Context(), "postgres://postgres@"+strings.TrimPrefix(db.URL, "jdbc:postgresql://"))
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close(context.Background())
	const lock = "SELECT pg_advisory_xact_lock_shared((2002871401::bigint << 32) | 'mirror'::regclass::oid::bigint)"
	if _, err := dead.Exec(t.Context(), "BEGIN; "+lock+"; INSERT INTO mirror VALUES ('a', 1)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	open := func(options ...string) (ops.SinkWriter, error) {
		s, err := jdbc.Connector().Sink(t.Context(), table("", "public.mirror", []string{"a"}, append(options, "url="+db.URL)...))
		if err != nil {
			return nil, err
		}
		return s.Writer(t.Context(), runtime{})
	}
	if _, err := open("connection.max-retry-timeout=100 ms"); err == nil || !strings.Contains(err.Error(), "another transaction writes to table") {
		t.Fatal(err)
	}
	opened := make(chan ops.SinkWriter)
	go func() {
		w, err := open()
		if err != nil {
			t.Error(err)
		}
		opened <- w
	}()
	await.Text(t, "1", func() string {
		return db.Texts(t, "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")[0]
	})
	if _, err := dead.Exec(t.Context(), "COMMIT").ReadAll(); err != nil {
		t.Fatal(err)
	}
	w := <-opened
	if t.Failed() {
		return
	}
	defer w.Close()
	staged{t: t}.prepare(w, 1, "-D a 1", "+I b 1")
	if got := db.Texts(t, "SELECT string_agg(a, ',') FROM mirror")[0]; got != "b" {
		t.Errorf("rows %s, want b", got)
	}
}
