package wadi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// enforced writes rows into a table of files with a NOT NULL column and bounded
// texts, and reads them back.
func enforced(t *testing.T, set string) (string, error) {
	t.Helper()
	env, err := wadi.Local(wadi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	dir := t.TempDir()
	err = env.Execute(t.Context(), fmt.Sprintf(`
		SET 'execution.runtime-mode' = 'batch'; %s
		CREATE TABLE target (n INT NOT NULL, c CHAR(3), v VARCHAR(2)) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '%s');
		INSERT INTO target SELECT n, c, v FROM (VALUES (1, 'abc', 'xy'), (CAST(NULL AS INT), 'abc', 'xy'), (3, 'a', 'xyz')) AS t(n, c, v)`, set, dir),
		func(o wadi.Outcome) error {
			if o.Pipeline == nil {
				return nil
			}
			_, err := o.Pipeline.Run(t.Context())
			return err
		})
	if err != nil {
		return "", err
	}
	return sqltest.Line(t, env, "SELECT n, '[' || c || ']', v FROM target ORDER BY n")
}

func TestConstraintsOfSinks(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"", "column 'n' is NOT NULL, and a null is being written into it"},
		{"SET 'table.exec.sink.not-null-enforcer' = 'DROP';", "1,[abc],xy 3,[a],xyz"},
		{"SET 'table.exec.sink.not-null-enforcer' = 'DROP'; SET 'table.exec.sink.type-length-enforcer' = 'TRIM_PAD';", "1,[abc],xy 3,[a  ],xy"},
		{"SET 'table.exec.sink.not-null-enforcer' = 'DROP'; SET 'table.exec.sink.type-length-enforcer' = 'ERROR';", "column 'c' is CHAR(3), and a value of length 1 is being written into it"},
	} {
		got, err := enforced(t, c.set)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s\ngot %s\nwant %s", c.set, got, c.want)
		}
	}
}
