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

// TestStagingRights: who may not create the tables is told how they are made.
func TestStagingRights(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database")
	}
	db := sqltest.Postgres(t)
	db.Exec(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "CREATE ROLE weak LOGIN")
	s := stage(t, db, "mirror", []string{"a"}, "username=weak")
	_, err := s.sink.Committer(t.Context(), s.id)
	if err == nil {
		t.Fatal("the tables were made")
	}
	_, after, _ := strings.Cut(err.Error(), "run: ")
	ddl, _, _ := strings.Cut(after, "; and grant")
	db.Exec(t, ddl, "GRANT SELECT, INSERT, UPDATE, DELETE ON wadi_staged, wadi_epochs, mirror TO weak")
	s.recover(1)
	s.commit(s.committer(), ops.Pending{Epoch: 1, Committables: s.prepare(s.writer(0), 1, "+I a 1")})
	s.same("with the tables", 0, "a 1")
}
