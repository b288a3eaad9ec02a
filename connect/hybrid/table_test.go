package hybrid_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// log is a topic of three partitions in a broker in this process, to which rows with
// ids one after the other, a second apart, are added.
type log struct {
	address string
	client  *kgo.Client
	next    int
}

func newLog(t *testing.T) *log {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "bids"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	l := &log{address: cluster.ListenAddrs()[0]}
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(l.address), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	return l
}

func (l *log) add(t *testing.T, n int) {
	t.Helper()
	var all []*kgo.Record
	for range n {
		at := fmt.Sprintf("2026-01-01 %02d:%02d:%02d", l.next/3600, l.next/60%60, l.next%60)
		all = append(all, &kgo.Record{Topic: "bids", Partition: int32(l.next % 3), Value: fmt.Appendf(nil, `{"id":%d,"ts":"%s"}`, l.next, at)})
		l.next++
	}
	if err := l.client.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func (l *log) with(prefix string) string {
	return strings.ReplaceAll("'#connector' = 'kafka', '#topic' = 'bids', '#format' = 'json', '#properties.bootstrap.servers' = '"+l.address+"'", "#", prefix)
}

const columns = "id INT, ts TIMESTAMP(6)"

// histories write what the log holds now into a lake, and give what a part of a table
// that reads it says.
var histories = map[string]func(t *testing.T, l *log, dir string) (part string){
	"parquet": func(t *testing.T, l *log, dir string) string {
		sqltest.Run(t, sqltest.Env(t, nil), l.ingested()+fmt.Sprintf(`
			CREATE TABLE lake (%s, part INT, off BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/lake');
			INSERT INTO lake SELECT * FROM bids;`, columns, dir))
		return "'history.connector' = 'filesystem', 'history.format' = 'parquet', 'history.path' = '" + dir + "/lake'"
	},
	"iceberg": func(t *testing.T, l *log, dir string) string {
		env := sqltest.Lake(t, dir, nil)
		sqltest.Run(t, env, l.ingested()+"CREATE DATABASE lake.db; CREATE TABLE lake.db.bids ("+columns+", part INT, off BIGINT); INSERT INTO lake.db.bids SELECT * FROM bids;")
		return fmt.Sprintf(`'history.connector' = 'iceberg', 'history.catalog-type' = 'jdbc', 'history.catalog-name' = 'lake', 'history.uri' = 'jdbc:sqlite:%[1]s/cat.db',
			'history.warehouse' = '%[1]s/lake', 'history.catalog-database' = 'db', 'history.catalog-table' = 'bids'`, dir)
	},
}

func (l *log) ingested() string {
	return "CREATE TEMPORARY TABLE bids (" + columns + ", part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset') WITH (" +
		l.with("") + ", 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');"
}

// TestHistoryThenLive: a job that is canceled at any moment, and goes on in another
// gear, counts every row of a lake and of the log behind it once, and its windows close.
func TestHistoryThenLive(t *testing.T) {
	for name, history := range histories {
		t.Run(name, func(t *testing.T) {
			dir, l := filepath.ToSlash(t.TempDir()), newLog(t)
			l.add(t, 3000)
			part := history(t, l, dir)
			l.add(t, 100) // behind the lake, before the job
			script := fmt.Sprintf(`SET 'pipeline.name' = 'counts'; SET 'parallelism.default' = '2';
				CREATE TABLE bids (%s, part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset', WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
				WITH ('connector' = 'hybrid', 'source-identifiers' = 'history,live', %s, %s);
				CREATE TABLE counts (begun TIMESTAMP(3), n BIGINT, low INT, high INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/counts');
				INSERT INTO counts SELECT window_start, COUNT(*), MIN(id), MAX(id) FROM TUMBLE(TABLE bids, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end;`,
				columns, part, l.with("live."), dir)
			config := map[string]string{
				"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "300 ms", "wadi.staged.rows-per-epoch": "500",
				"execution.checkpointing.dir": "file://" + dir + "/checkpoints",
			}
			for round := range 5 {
				config["execution.gear"] = []string{"staged", "pipelined"}[round%2]
				started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
				if err != nil {
					t.Fatal(err)
				}
				l.add(t, 100)
				if round < 4 {
					await.That(t, "a checkpoint is taken", func() bool { return started.Progress().Epoch > 0 || round == 0 })
					started.Cancel(context.Canceled)
					_, _ = started.Wait() // it was canceled
					continue
				}
				l.add(t, 20) // the window of the last 60 closes
				await.Text(t, "60 windows, 3600 rows, 3600 ids", func() string { return windows(t, dir) })
				if _, err := started.Stop(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// windows is what the job has written.
func windows(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(dir + "/counts/*")
	if err != nil || len(found) == 0 {
		return "none"
	}
	env := sqltest.Env(t, nil)
	sqltest.Run(t, env, "CREATE TABLE counts (begun TIMESTAMP(3), n BIGINT, low INT, high INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '"+dir+"/counts')")
	return sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) || ' windows, ' || CAST(SUM(n) AS STRING) || ' rows, ' || CAST(SUM(high - low + 1) AS STRING) || ' ids' FROM counts")[0]
}

// TestTimeDivides: rows that both parts hold are taken from one of them.
func TestTimeDivides(t *testing.T) {
	l, dir := newLog(t), filepath.ToSlash(t.TempDir())
	l.add(t, 120)
	part := histories["parquet"](t, l, dir)
	l.add(t, 60)
	env := sqltest.Env(t, nil)
	sqltest.Run(t, env, fmt.Sprintf(`CREATE TABLE bids (%s) WITH ('connector' = 'hybrid', 'source-identifiers' = 'history, live', %s, %s, 'live.scan.bounded.mode' = 'latest-offset',
		'switch.by' = 'timestamp', 'switch.column' = 'ts', 'switch.timestamp' = '2026-01-01 00:01:30')`, columns, part, l.with("live.")))
	sqltest.Same(t, env, "SELECT CAST(COUNT(*) AS STRING) || ' rows, ' || CAST(COUNT(DISTINCT id) AS STRING) || ' ids' FROM bids", "180 rows, 180 ids")
	sqltest.Same(t, env, "SELECT CAST(id AS STRING) FROM bids WHERE ts >= TIMESTAMP '2026-01-01 00:02:58'", "178", "179")
}

// TestBadParts: what is wrong with the options is said where the table is declared.
func TestBadParts(t *testing.T) {
	for options, want := range map[string]string{
		"'source-identifiers' = 'a'": "want two parts or more",
		"'source-identifiers' = 'a,b', 'a.connector' = 'datagen', 'b.connector' = 'nope'":                                                           "no connector \"nope\"",
		"'source-identifiers' = 'a,b', 'c.connector' = 'datagen'":                                                                                   "unknown option 'c.connector'",
		"'source-identifiers' = 'a,b', 'a.connector' = 'datagen', 'b.connector' = 'datagen'":                                                        "columns INT METADATA FROM 'partition'",
		"'source-identifiers' = 'a,b', 'a.connector' = 'datagen', 'b.connector' = 'datagen', 'switch.by' = 'nothing'":                               "part a has no end",
		"'source-identifiers' = 'a,b', 'a.connector' = 'datagen', 'b.connector' = 'datagen', 'switch.by' = 'timestamp', 'switch.timestamp' = 'now'": "want a time in UTC",
		"'source-identifiers' = 'a,b', 'a.connector' = 'datagen', 'b.connector' = 'datagen', 'switch.by' = 'chance'":                                "want offsets, timestamp or nothing",
	} {
		_, err := sqltest.Shown(t, sqltest.Env(t, nil), "CREATE TABLE t ("+columns+") WITH ('connector' = 'hybrid', "+options+"); SELECT * FROM t")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
}
