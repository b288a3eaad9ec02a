package wadi_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/job"
)

// sums counts and sums numbers by their last digit.
const sums = `
CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '%d', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', 'fields.id.end' = '%[1]d');
CREATE TABLE f (k BIGINT, n BIGINT, s BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO f SELECT id %% 10, COUNT(*), SUM(id) FROM g GROUP BY id %% 10`

// TestStateInSQL reads the state of a GROUP BY as a table.
func TestStateInSQL(t *testing.T) {
	newest := newest(t, fmt.Sprintf(sums, 1000), "3")
	env := plain(t)
	uid := newest.Tables[0].UID
	from := func(path, uid, table string) string { return fmt.Sprintf("STATE('%s', '%s', '%s')", path, uid, table) }
	for query, want := range map[string]string{
		"SELECT COUNT(*), SUM(`count()`), SUM(`sum(id).sum`) FROM " + from(newest.Path, uid, "groups"):                                                                                               "10 1000 499500",
		"SELECT `sum(id).sum` FROM " + from(newest.Path, uid, "groups") + " AS s WHERE `(id % 10)` = 7":                                                                                              "50200",
		"SELECT a.`sum(id).sum` - b.`sum(id).sum` FROM " + from(newest.Path, uid, "groups") + " a JOIN " + from(newest.Path+"/_metadata", uid, "groups") + " b ON a.`(id % 10)` = b.`(id % 10)` + 9": "900",
	} {
		if got := oneRow(t, env, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for call, want := range map[string]string{
		from(newest.Path, uid, "group"):                            "did you mean 'groups'?",
		from(newest.Path, strings.ToUpper(uid), "groups"):          "did you mean '" + uid + "'?",
		from(filepath.Join(t.TempDir(), "nothing"), uid, "groups"): "there is no checkpoint at",
		"STATE('" + newest.Path + "')":                             "STATE takes a path",
	} {
		_, err := env.SQL("SELECT * FROM " + call).Collect(t.Context())
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", call, err, want)
		}
	}
}

// oneRow is the cells of the only row of a query.
func oneRow(t *testing.T, env *wadi.Env, query string) string {
	t.Helper()
	rows := rowTexts(t, env, query)
	if len(rows) != 1 {
		t.Fatalf("%s: %q", query, rows)
	}
	return rows[0]
}

// rowTexts are the rows of a query, with their cells divided by blanks.
func rowTexts(t *testing.T, env *wadi.Env, query string) []string {
	t.Helper()
	recs, err := env.SQL(query).Collect(t.Context())
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var rows []string
	for _, rec := range recs {
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(cells, " "))
		}
		rec.Release()
	}
	return rows
}
