package postgres_test

import (
	"context"
	"fmt"
	"math/rand"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// changes is a table of s, read by its changes.
func changes(t *testing.T, s sqltest.Database, name, columns string, more ...string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(s.URL, "jdbc:postgresql://"), "/postgres"))
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{
		"'connector' = 'postgres-cdc'", "'hostname' = '" + host + "'", "'port' = '" + port + "'", "'username' = 'postgres'", "'password' = ''",
		"'database-name' = 'postgres'", "'schema-name' = 'public'", "'table-name' = '" + name + "'", "'slot.name' = 'slot_of_" + name + "'",
	}, more...)
	return "CREATE TABLE " + name + " (" + columns + ") WITH (" + strings.Join(all, ", ") + ");"
}

// differing is a query for the texts that one of two queries has and the other has not,
// some of them, or "none".
func differing(want, got string) string {
	return "SELECT COALESCE(string_agg(line, ', '), 'none') FROM (SELECT 'missing: ' || text AS line FROM (" + want + " EXCEPT " + got + ") AS m (text)" +
		" UNION ALL SELECT 'too many: ' || text FROM (" + got + " EXCEPT " + want + ") AS t (text) LIMIT 20) AS q"
}

// TestPostgresCDC: a table is mirrored and summed up by a job that is canceled at any
// moment, in the snapshot and behind it, while the table changes. An epoch that was
// written and not claimed must not be seen: the snapshot that is read next may lack
// rows of it, which nobody would delete.
func TestPostgresCDC(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database")
	}
	s := sqltest.Postgres(t)
	s.Exec(t, "CREATE TABLE accounts (id int PRIMARY KEY, owner text, cents bigint, note text)", "ALTER TABLE accounts REPLICA IDENTITY FULL",
		"INSERT INTO accounts SELECT i, 'o' || i % 7, i, repeat(md5(i::text), 200) FROM generate_series(1, 20000) AS i",
		"CREATE TABLE mirror (id int PRIMARY KEY, owner text, cents bigint, note text)", "CREATE TABLE sums (owner text PRIMARY KEY, n bigint, cents bigint)")
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms",
		"execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
	}
	script := "SET 'pipeline.name' = 'mirror';" +
		changes(t, s, "accounts", "id INT, owner STRING, cents BIGINT, note STRING, op_ts TIMESTAMP_LTZ(3) METADATA FROM 'op_ts' VIRTUAL, PRIMARY KEY (id) NOT ENFORCED", "'scan.snapshot.fetch.size' = '500'") +
		"CREATE TABLE mirror (id INT, owner STRING, cents BIGINT, note STRING, PRIMARY KEY (id) NOT ENFORCED)" + s.With("mirror", "'sink.delivery-guarantee' = 'exactly-once'") +
		"CREATE TABLE sums (owner STRING, n BIGINT, cents BIGINT, PRIMARY KEY (owner) NOT ENFORCED)" + s.With("sums", "'sink.delivery-guarantee' = 'exactly-once'") +
		`EXECUTE STATEMENT SET BEGIN
			INSERT INTO mirror SELECT id, owner, cents, note FROM accounts WHERE op_ts IS NOT NULL;
			INSERT INTO sums SELECT owner, COUNT(*), SUM(cents) FROM accounts GROUP BY owner;
		END;`
	random := rand.New(rand.NewSource(1))
	change := func() {
		id := random.Intn(21000)
		s.Exec(t, []string{
			fmt.Sprintf("INSERT INTO accounts VALUES (%d, 'o%d', 5, 'new') ON CONFLICT (id) DO UPDATE SET cents = accounts.cents + 1", id, id%5),
			fmt.Sprintf("UPDATE accounts SET cents = cents + 1, owner = 'o' || (id + cents) %% 9 WHERE id %% 100 = %d", id%100),
			fmt.Sprintf("DELETE FROM accounts WHERE id BETWEEN %d AND %d", id, id+30),
			fmt.Sprintf("UPDATE accounts SET id = id + 30000 WHERE id = %d", id),
		}[random.Intn(4)])
	}
	for round := range 6 {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		for range 15 {
			change()
		}
		if round < 5 {
			for tries := 0; tries < 300 && round > 1 && s.Texts(t, "SELECT COUNT(*) > "+fmt.Sprint(round*2000)+" FROM mirror")[0] != "true"; tries++ {
				change()
			}
			started.Cancel(context.Canceled)
			_, _ = started.Wait() // it was canceled
			continue
		}
		for _, query := range []string{
			differing("SELECT concat_ws(' ', id, owner, cents, md5(note)) FROM accounts", "SELECT concat_ws(' ', id, owner, cents, md5(note)) FROM mirror"),
			differing("SELECT concat_ws(' ', owner, COUNT(*), SUM(cents)) FROM accounts GROUP BY owner", "SELECT concat_ws(' ', owner, n, cents) FROM sums"),
		} {
			await.Text(t, "none", func() string { return s.Texts(t, query)[0] })
		}
		now := s.Texts(t, "SELECT pg_current_wal_lsn()")[0]
		await.Text(t, "true", func() string { // the log is not kept for longer than it is needed
			s.Exec(t, "INSERT INTO accounts VALUES (-1, 'x', 1, '') ON CONFLICT (id) DO UPDATE SET cents = accounts.cents + 1")
			return s.Texts(t, "SELECT confirmed_flush_lsn > '"+now+"' FROM pg_replication_slots")[0]
		})
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
