package kafka_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// topics are those of the tests, with their partitions.
var topics = map[string]int32{"orders": 3, "changes": 1, "out": 2, "bids": 2}

// broker gives the address of a broker with the topic orders, which holds ids from 1
// to 30, and other topics that are empty. It runs in this process, unless the
// environment names another one: WADI_TEST_KAFKA=localhost:9092, whose topics of
// these names are deleted.
func broker(t *testing.T) (address string, client *kgo.Client) {
	t.Helper()
	if address = testserver.Kafka(t); address == "" {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		address = cluster.ListenAddrs()[0]
	}
	admin := kadm.NewClient(producer(t, address))
	if _, err := admin.DeleteTopics(t.Context(), slices.Collect(maps.Keys(topics))...); err != nil {
		t.Fatal(err)
	}
	for name, partitions := range topics {
		var made kadm.TopicID
		await.Text(t, "created", func() string {
			r, err := admin.CreateTopic(t.Context(), partitions, 1, nil, name)
			if err != nil {
				return err.Error() // it is still being deleted
			}
			made = r.ID
			return "created"
		})
		await.Text(t, made.String(), func() string { // to those who ask for it
			all, err := admin.ListTopics(t.Context(), name)
			if err != nil {
				return err.Error()
			}
			return all[name].ID.String()
		})
	}
	client = producer(t, address)
	for id := 1; id <= 30; id++ {
		produce(t, client, id%3, fmt.Sprintf(`{"id":%d,"customer":{"name":"c%d"},"ts":"2024-01-01 00:00:%02d"}`, id, id%4, id))
	}
	return address, client
}

func producer(t *testing.T, address string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func produce(t *testing.T, client *kgo.Client, partition int, value string) {
	t.Helper()
	r := &kgo.Record{Topic: "orders", Partition: int32(partition), Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
	if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

const ordersColumns = `id INT, customer ROW<name STRING>, ts TIMESTAMP(3), part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset',
	headers MAP<STRING, BYTES> METADATA, topic STRING METADATA, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND`

// ordersTable declares the topic with more options.
func ordersTable(address string, options ...string) string {
	all := append([]string{"'connector' = 'kafka'", "'topic' = 'orders'", "'properties.bootstrap.servers' = '" + address + "'", "'format' = 'json'"}, options...)
	return "CREATE TABLE orders (" + ordersColumns + ") WITH (" + strings.Join(all, ", ") + ");"
}

func TestKafkaBounds(t *testing.T) {
	address, client := broker(t)
	admin := kadm.NewClient(client)
	var held kadm.Offsets
	held.AddOffset("orders", 0, 9, -1)
	held.AddOffset("orders", 1, 10, -1)
	held.AddOffset("orders", 2, 8, -1)
	if err := admin.CommitAllOffsets(t.Context(), "g", held); err != nil {
		t.Fatal(err)
	}
	const earliest, latest = "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'"
	for _, c := range []struct {
		options []string
		want    string
	}{
		{[]string{earliest, latest}, "30, 465"},
		{[]string{"'scan.startup.mode' = 'latest-offset'", latest}, "0, null"},
		{[]string{"'properties.group.id' = 'g'", latest}, "3, 85"}, // 30 (partition 0), 26 and 29 (partition 2)
		{[]string{earliest, "'scan.bounded.mode' = 'group-offsets'", "'properties.group.id' = 'g'"}, "27, 380"},
		{[]string{"'scan.startup.mode' = 'specific-offsets'", "'scan.startup.specific-offsets' = 'partition:0,offset:8;partition:1,offset:10'", latest}, "12, 212"},
		{[]string{earliest, "'scan.bounded.mode' = 'specific-offsets'", "'scan.bounded.specific-offsets' = 'partition:0,offset:2'"}, "2, 9"},
		{[]string{"'scan.startup.mode' = 'timestamp'", "'scan.startup.timestamp-millis' = '0'", latest}, "30, 465"},
	} {
		env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
		sqltest.Run(t, env, ordersTable(address, c.options...))
		if got := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) || ', ' || COALESCE(CAST(SUM(id) AS STRING), 'null') FROM orders"); got[0] != c.want {
			t.Errorf("%v: %s, want %s", c.options, got, c.want)
		}
	}
}

func TestKafkaColumns(t *testing.T) {
	address, _ := broker(t)
	env := sqltest.Env(t, nil)
	sqltest.Run(t, env, ordersTable(address, "'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'"))
	got := sqltest.Texts(t, env, "SELECT topic || ' ' || CAST(part AS STRING) || '@' || CAST(off AS STRING) || ' ' || customer.name || ' ' || CAST(headers['h'] AS STRING) FROM orders WHERE id IN (7, 30)")
	slices.Sort(got)
	if want := []string{"orders 0@9 c2 v", "orders 1@2 c3 v"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	got = sqltest.Texts(t, env, `SELECT CAST(window_start AS STRING) || ' ' || CAST(COUNT(*) AS STRING) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end`)
	slices.Sort(got)
	if want := []string{"2024-01-01 00:00:00.000 9", "2024-01-01 00:00:10.000 10", "2024-01-01 00:00:20.000 10", "2024-01-01 00:00:30.000 1"}; !slices.Equal(got, want) {
		t.Errorf("windows %q, want %q", got, want)
	}
}

// TestKafkaBadRecords: what a policy says of records that cannot be read.
func TestKafkaBadRecords(t *testing.T) {
	address, client := broker(t)
	produce(t, client, 1, `{"id":"x"}`)
	produce(t, client, 1, `{"id":31}`)
	ends := []string{"'scan.startup.mode' = 'earliest-offset'", "'scan.bounded.mode' = 'latest-offset'"}
	out := t.TempDir()
	env := sqltest.Env(t, nil)
	sqltest.Run(t, env, ordersTable(address, append(ends, "'error.policy' = 'dead-letter'", "'error.table' = 'dead'")...)+fmt.Sprintf(`
		CREATE TABLE dead (split STRING, `+"`position`"+` BIGINT, reason STRING, bytes BYTES) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/dead');
		CREATE TABLE good (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/good');
		INSERT INTO good SELECT id FROM orders;`, out))
	got := sqltest.Texts(t, env, "SELECT split || ' ' || CAST(`position` AS STRING) || ' ' || reason || ' ' || CAST(bytes AS STRING) FROM dead")
	if want := []string{`orders-1 10 field id: "x" is no INT {"id":"x"}`}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := sqltest.Texts(t, env, "SELECT CAST(COUNT(*) AS STRING) FROM good"); got[0] != "31" {
		t.Errorf("%s good records, want 31", got[0])
	}
	env = sqltest.Env(t, nil)
	sqltest.Run(t, env, ordersTable(address, ends...))
	_, err := env.SQL("SELECT id FROM orders").Collect(t.Context())
	if want := "topic orders, partition 1, offset 10: field id"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestKafkaChanges: a topic of changes is the table that they make.
func TestKafkaChanges(t *testing.T) {
	address, client := broker(t)
	for _, m := range []string{
		`{"before":null,"after":{"id":1,"n":10},"op":"c"}`, `{"before":null,"after":{"id":2,"n":20},"op":"r"}`,
		`{"before":{"id":1,"n":10},"after":{"id":1,"n":11},"op":"u"}`, `{"before":{"id":2,"n":20},"after":null,"op":"d"}`,
	} {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "changes", Value: []byte(m)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	sqltest.Run(t, env, `CREATE TABLE changes (id INT, n INT, off BIGINT METADATA FROM 'offset') WITH ('connector' = 'kafka', 'topic' = 'changes', 'properties.bootstrap.servers' = '`+
		address+`', 'format' = 'debezium-json', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset');`)
	got := sqltest.Texts(t, env, "SELECT CAST(id AS STRING) || ' ' || CAST(n AS STRING) || ' ' || CAST(c AS STRING) FROM (SELECT id, SUM(n) AS n, COUNT(*) AS c FROM changes GROUP BY id)")
	if want := []string{"1 11 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestKafkaRestore: a job that was stopped goes on at the offsets of its
// checkpoint, also when records and partitions have come since.
func TestKafkaRestore(t *testing.T) {
	address, client := broker(t)
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "100 ms"}
	script := "SET 'pipeline.name' = 'kafka';" + ordersTable(address, "'scan.startup.mode' = 'earliest-offset'", "'scan.topic-partition-discovery.interval' = '50 ms'") + fmt.Sprintf(`
		CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/out');
		INSERT INTO out SELECT id FROM orders;`, dir)
	for round := range 3 {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		want := 30 + 10*round
		await.Text(t, fmt.Sprintf("%[1]d rows, %[1]d of them different", want), func() string { return rowsBelow(t, dir+"/out") })
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			if _, err := kadm.NewClient(client).CreatePartitions(t.Context(), 1, "orders"); err != nil {
				t.Fatal(err)
			}
			client = producer(t, address) // knows the new partition
		}
		for i := range 10 {
			produce(t, client, i%4, fmt.Sprintf(`{"id":%d,"ts":"2024-01-01 00:01:00"}`, want+1+i))
		}
	}
}

// rowsBelow says how many rows have reached a directory, if there are some.
func rowsBelow(t *testing.T, dir string) string {
	t.Helper()
	query := fmt.Sprintf("SELECT CAST(COUNT(*) AS STRING) || ' rows, ' || CAST(COUNT(DISTINCT id) AS STRING) || ' of them different' AS text FROM read_parquet('%s')", dir)
	for row, err := range wadi.Rows[struct{ Text string }](t.Context(), sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"}).SQL(query)) {
		if err != nil {
			return err.Error()
		}
		return row.Text
	}
	return "nothing"
}
