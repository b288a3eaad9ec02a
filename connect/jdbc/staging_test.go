package jdbc_test

import (
	"strings"
	"testing"

	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/ops"
)

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

// TestStagingEngine: a table of an engine without transactions is refused.
func TestStagingEngine(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database")
	}
	db := sqltest.MariaDB(t)
	s := stage(t, db, "plain", nil)
	for _, name := range []string{"plain", "test.plain"} {
		other := s
		other.name = name
		other.sink = other.open(nil)
		db.Exec(t, "ALTER TABLE plain ENGINE = MyISAM")
		if _, err := other.sink.Committer(t.Context(), s.id); err == nil || !strings.Contains(err.Error(), "ENGINE = InnoDB") {
			t.Errorf("%s of MyISAM: %v", name, err)
		}
		db.Exec(t, "ALTER TABLE plain ENGINE = InnoDB")
		other.committer()
	}
}
