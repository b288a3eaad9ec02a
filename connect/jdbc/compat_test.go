package jdbc_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/ops"
)

var rewrite = flag.Bool("rewrite", false, "write the files in testdata/compat anew")

// stagedBefore is what a version has left in a checkpoint and a database.
type stagedBefore struct {
	Committable json.RawMessage `json:"committable"`
	Writer      string          `json:"writer"`
	Pieces      []string        `json:"pieces"` // in hex
}

// TestStagedBefore: rows that the first version has staged are committed.
func TestStagedBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database")
	}
	db := sqltest.Postgres(t)
	s := stage(t, db, "kept", []string{"a"})
	s.recover(1)
	file := filepath.Join("testdata", "compat", "v1-staged.json")
	if *rewrite {
		old := stagedBefore{Committable: json.RawMessage(s.prepare(s.writer(0), 1, "+I a 1", "+I b 2", "-D a 1", "+I c 3", "+I d 4")[0])}
		old.Pieces = db.Texts(t, "SELECT encode(payload, 'hex') FROM wadi_staged ORDER BY piece")
		old.Writer = db.Texts(t, "SELECT writer FROM wadi_staged")[0]
		data, err := json.MarshalIndent(old, "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		db.Exec(t, "DELETE FROM wadi_staged")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var old stagedBefore
	if err := json.Unmarshal(data, &old); err != nil {
		t.Fatal(err)
	}
	for i, p := range old.Pieces {
		db.Exec(t, fmt.Sprintf("INSERT INTO wadi_staged VALUES ('job of it''s', 'sink-kept', '%s', %d, decode('%s', 'hex'))", old.Writer, i, p))
	}
	s.commit(s.committer(), ops.Pending{Epoch: 1, Committables: []ops.Committable{ops.Committable(old.Committable)}})
	s.same("of the first version", 0, "b 2", "c 3", "d 4")
}
