package kafka_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// recordTexts are the records of a topic with their keys.
func recordTexts(t *testing.T, address, topic string, n int) []string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []string
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(all) < n && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			text := string(r.Key) + " → " + string(r.Value)
			if r.Value == nil {
				text = string(r.Key) + " is gone"
			}
			for _, h := range r.Headers {
				text += fmt.Sprintf(" [%s=%s]", h.Key, h.Value)
			}
			if r.Timestamp.Year() == 2020 {
				text += " at " + r.Timestamp.UTC().Format(time.DateTime)
			}
			all = append(all, text)
		})
	}
	slices.Sort(all)
	return all
}

// topicTable declares a table of the topic out.
func topicTable(address, columns string, options ...string) string {
	all := append([]string{"'topic' = 'out'", "'properties.bootstrap.servers' = '" + address + "'"}, options...)
	return "CREATE TABLE t (" + columns + ") WITH (" + strings.Join(all, ", ") + ");"
}

// TestKafkaKeys: the columns of a key are written to it, and read from it.
func TestKafkaKeys(t *testing.T) {
	const earliest, latest, plain = "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'", "'connector' = 'kafka'"
	for _, c := range []struct {
		name, columns string
		options       []string
		records, rows []string
	}{
		{
			"all", "id INT, name STRING, v INT",
			[]string{plain, "'key.format' = 'json'", "'key.fields' = 'name;id'", "'value.format' = 'json'", "'value.json.encode.ignore-null-fields' = 'true'", earliest, latest},
			[]string{`{"name":"a","id":1} → {"id":1,"name":"a","v":10}`, `{"name":"b","id":2} → {"id":2,"name":"b"}`},
			[]string{"1 a 10", "2 b null"},
		},
		{
			"except", "k_id INT, name STRING, v INT",
			[]string{plain, "'key.format' = 'raw'", "'key.fields' = 'name'", "'format' = 'json'", "'value.fields-include' = 'EXCEPT_KEY'", earliest, latest},
			[]string{`a → {"k_id":1,"v":10}`, `b → {"k_id":2,"v":null}`},
			[]string{"1 a 10", "2 b null"},
		},
		{
			"prefix", "k_id INT, name STRING, v INT",
			[]string{plain, "'key.format' = 'json'", "'key.fields' = 'k_id'", "'key.fields-prefix' = 'k_'", "'value.format' = 'json'", "'value.fields-include' = 'EXCEPT_KEY'", earliest, latest},
			[]string{`{"id":1} → {"name":"a","v":10}`, `{"id":2} → {"name":"b","v":null}`},
			[]string{"1 a 10", "2 b null"},
		},
		{
			"upsert", "k_id INT, name STRING, v INT, PRIMARY KEY (k_id) NOT ENFORCED",
			[]string{"'connector' = 'upsert-kafka'", "'key.format' = 'json'", "'value.format' = 'json'", latest},
			[]string{`{"k_id":1} → {"k_id":1,"name":"a","v":10}`, `{"k_id":2} → {"k_id":2,"name":"b","v":null}`},
			[]string{"1 a 10", "2 b null"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, client := broker(t)
			env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
			sqltest.Run(t, env, topicTable(address, c.columns, c.options...)+"INSERT INTO t VALUES (1, 'a', 10), (2, 'b', NULL);")
			if got := recordTexts(t, address, "out", 2); !slices.Equal(got, c.records) {
				t.Errorf("records %q, want %q", got, c.records)
			}
			if c.name == "except" { // who has no key has NULL there
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "out", Value: []byte(`{"k_id":3}`)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
				c.rows = append(c.rows, "3 null null")
			}
			first, _, _ := strings.Cut(c.columns, " ")
			got := sqltest.Texts(t, env, "SELECT CAST("+first+" AS STRING) || ' ' || COALESCE(name, 'null') || ' ' || COALESCE(CAST(v AS STRING), 'null') FROM t")
			if slices.Sort(got); !slices.Equal(got, c.rows) {
				t.Errorf("rows %q, want %q", got, c.rows)
			}
			if got := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) FROM t"); got[0] != fmt.Sprint(len(c.rows)) {
				t.Errorf("%s rows, want %d", got, len(c.rows))
			}
		})
	}
}

// TestKafkaPersisted: metadata columns are written where the table declares them.
func TestKafkaPersisted(t *testing.T) {
	address, _ := broker(t)
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, topicTable(address, "h MAP<STRING, BYTES> METADATA FROM 'headers', id INT, made TIMESTAMP_LTZ(3) METADATA FROM 'timestamp', part INT METADATA FROM 'partition' VIRTUAL, name STRING",
		"'connector' = 'kafka'", "'format' = 'json'")+
		"INSERT INTO t VALUES (MAP['a', CAST('x' AS BYTES)], 1, CAST(TIMESTAMP '2020-02-03 04:05:06' AS TIMESTAMP_LTZ(3)), 'n'); INSERT INTO t (name) VALUES ('m');")
	want := []string{` → {"id":1,"name":"n"} [a=x] at 2020-02-03 04:05:06`, ` → {"id":null,"name":"m"}`}
	if got := recordTexts(t, address, "out", 2); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestUpsertKafka: a changelog goes through a topic by key, and is the same table
// at the other end, also when the job stands still in between and starts anew.
func TestUpsertKafka(t *testing.T) {
	for _, options := range [][]string{
		nil,
		{"'sink.buffer-flush.max-rows' = '2'", "'sink.buffer-flush.interval' = '10 ms'"},
		{"'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'u'", "'value.fields-include' = 'EXCEPT_KEY'"},
	} {
		address, client := broker(t)
		config := map[string]string{
			"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms",
			"execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
		}
		script := "SET 'pipeline.name' = 'upserts';" + ordersTable(address, wholeTopic) +
			topicTable(address, "name STRING, n BIGINT, PRIMARY KEY (name) NOT ENFORCED", slices.Concat(options, []string{"'connector' = 'upsert-kafka'", "'key.format' = 'raw'", "'value.format' = 'json'"})...) +
			"INSERT INTO t SELECT CASE WHEN MOD(id, 2) = 0 THEN 'even' ELSE 'odd' END, COUNT(*) FROM orders GROUP BY CASE WHEN MOD(id, 2) = 0 THEN 'even' ELSE 'odd' END HAVING COUNT(*) < 16;"
		want := []string{"even 15", "odd 15"}
		for round := range 2 {
			started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
			if err != nil {
				t.Fatal(err)
			}
			if round == 1 {
				produce(t, client, 0, `{"id":31}`) // 16 odd ones: the row goes
				want = []string{"even 15"}
			}
			reading := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
			sqltest.Run(t, reading, topicTable(address, "name STRING, n BIGINT, PRIMARY KEY (name) NOT ENFORCED",
				slices.Concat(options, []string{"'connector' = 'upsert-kafka'", "'key.format' = 'raw'", "'value.format' = 'json'", "'scan.bounded.mode' = 'latest-offset'"})...))
			await.Text(t, fmt.Sprint(want), func() string {
				got := sqltest.Texts(t, reading, "SELECT name || ' ' || CAST(n AS STRING) FROM t")
				slices.Sort(got)
				return fmt.Sprint(got)
			})
			if _, err := started.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		if got := recordTexts(t, address, "out", 3); !slices.Contains(got, "odd is gone") {
			t.Errorf("%q has no tombstone of odd", got)
		}
	}
}

// TestKafkaHeaderList: headers come in their order, those of one name too.
func TestKafkaHeaderList(t *testing.T) {
	address, client := broker(t)
	r := &kgo.Record{Topic: "out", Value: []byte(`{"id":1}`), Headers: []kgo.RecordHeader{{Key: "b", Value: []byte("x")}, {Key: "a"}, {Key: "b", Value: []byte("y")}}}
	if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, topicTable(address, "id INT, h ARRAY<ROW<key STRING, `value` BYTES>> METADATA FROM 'header-list'", "'connector' = 'kafka'", "'format' = 'json'", wholeTopic, "'scan.bounded.mode' = 'latest-offset'"))
	got := sqltest.Texts(t, env, "SELECT CAST(CARDINALITY(h) AS STRING) || h[1].key || CAST(h[1].`value` AS STRING) || h[2].key || COALESCE(CAST(h[2].`value` AS STRING), 'null') || h[3].key || CAST(h[3].`value` AS STRING) FROM t")
	if want := []string{"3bxanullby"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestUpsertKafkaThrough: rows by key go from topic to topic as they are, deletions too, and
// bad keys are dead letters.
func TestUpsertKafkaThrough(t *testing.T) {
	address, client := broker(t)
	for _, r := range [][2]string{{"a", `{"n":1}`}, {"b", `{"n":2}`}, {"a", `{"n":3}`}, {"b", ""}, {"c", ""}, {"", `{"n":9}`}} {
		rec := &kgo.Record{Topic: "changes"}
		if r[0] != "" {
			rec.Key = []byte(r[0])
		}
		if r[1] != "" {
			rec.Value = []byte(r[1])
		}
		if err := client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.ToSlash(t.TempDir())
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"})
	common := "'connector' = 'upsert-kafka', 'properties.bootstrap.servers' = '" + address + "', 'key.format' = 'raw', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY'"
	sqltest.Run(t, env, fmt.Sprintf(`
		CREATE TABLE dead (reason STRING) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
		CREATE TABLE source (k STRING, n INT, PRIMARY KEY (k) NOT ENFORCED) WITH (%[2]s, 'topic' = 'changes', 'scan.bounded.mode' = 'latest-offset', 'error.policy' = 'dead-letter', 'error.table' = 'dead');
		CREATE TABLE target (k STRING, n INT, PRIMARY KEY (k) NOT ENFORCED) WITH (%[2]s, 'topic' = 'out');
		INSERT INTO target SELECT k, n * 10 FROM source;`, dir, common))
	want := []string{`a → {"n":10}`, `a → {"n":30}`, `b is gone`, `b → {"n":20}`, `c is gone`}
	if got := recordTexts(t, address, "out", len(want)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := sqltest.Texts(t, env, "SELECT reason FROM dead"); !slices.Equal(got, []string{"key: the record has none, and is a row of a table by key"}) {
		t.Errorf("dead letters %q", got)
	}
}
