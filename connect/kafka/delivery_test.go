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
	"github.com/wadi-engine/wadi/connect/kafka"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// consumed are the values of a topic that those see who read what is committed, up
// to its end.
func consumed(t *testing.T, address, topic string, n int) []string {
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
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { all = append(all, string(r.Value)) })
	}
	ctx, more := context.WithTimeout(t.Context(), 50*time.Millisecond) // no others come
	defer more()
	client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { all = append(all, string(r.Value)) })
	slices.Sort(all)
	return all
}

func outTable(address, format string, options ...string) string {
	all := append([]string{"'connector' = 'kafka'", "'topic' = 'out'", "'properties.bootstrap.servers' = '" + address + "'", "'format' = '" + format + "'"}, options...)
	return "CREATE TABLE out (id INT, at_offset BIGINT METADATA FROM 'offset' VIRTUAL, name STRING) WITH (" + strings.Join(all, ", ") + ");"
}

const wholeTopic = "'scan.startup.mode' = 'earliest-offset'"

func TestKafkaSink(t *testing.T) {
	for _, guarantee := range []string{"none", "at-least-once", "exactly-once"} {
		t.Run(guarantee, func(t *testing.T) {
			address, _ := broker(t)
			env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch", "execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir())})
			sqltest.Run(t, env, ordersTable(address, wholeTopic, "'scan.bounded.mode' = 'latest-offset'")+
				outTable(address, "json", "'sink.delivery-guarantee' = '"+guarantee+"'", "'sink.transactional-id-prefix' = 'test'")+
				"INSERT INTO out SELECT id, customer.name FROM orders WHERE id <= 3;")
			if got, want := consumed(t, address, "out", 3), []string{`{"id":1,"name":"c1"}`, `{"id":2,"name":"c2"}`, `{"id":3,"name":"c3"}`}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// TestKafkaSinkChanges: a table that changes is written as changes.
func TestKafkaSinkChanges(t *testing.T) {
	address, _ := broker(t)
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"})
	sqltest.Run(t, env, ordersTable(address, wholeTopic, "'scan.bounded.mode' = 'latest-offset'")+outTable(address, "debezium-json")+
		"INSERT INTO out SELECT CAST(COUNT(*) AS INT), customer.name FROM orders WHERE id < 9 GROUP BY customer.name;")
	table := map[string]int{}
	for _, m := range consumed(t, address, "out", 4) {
		change := 1
		if strings.HasSuffix(m, `"op":"d"}`) {
			change = -1
		}
		table[m[strings.Index(m, `{"id"`):strings.Index(m, "}")+1]] += change
	}
	for name := range 4 {
		if row := fmt.Sprintf(`{"id":2,"name":"c%d"}`, name); table[row] != 1 {
			t.Errorf("%d times %s in %v", table[row], row, table)
		}
	}
}

// TestKafkaSinkRestore: topics are copied exactly once by jobs that are canceled at
// any moment and go on from their last checkpoint.
func TestKafkaSinkRestore(t *testing.T) {
	address, client := broker(t)
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "30 ms",
		"execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
	}
	script := "SET 'pipeline.name' = 'copy';" + ordersTable(address, wholeTopic) +
		outTable(address, "json", "'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'test'", "'properties.transaction.timeout.ms' = '3000'") +
		"INSERT INTO out SELECT id, customer.name FROM orders;"
	id, seen := 30, 0
	for round := range 6 {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			id++
			produce(t, client, id%3, fmt.Sprintf(`{"id":%d,"ts":"2024-01-01 00:01:00"}`, id))
		}
		if round < 5 {
			seen = len(consumed(t, address, "out", seen+1)) // some are committed, others are on their way
			started.Cancel(context.Canceled)
			_, _ = started.Wait() // it was canceled
			continue
		}
		await.Text(t, fmt.Sprint(id), func() string { return fmt.Sprint(len(consumed(t, address, "out", id))) })
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	times := map[string]int{}
	for _, m := range consumed(t, address, "out", id) {
		times[m]++
	}
	for m, n := range times {
		if n != 1 {
			t.Errorf("%d times %s", n, m)
		}
	}
	if len(times) != id {
		t.Errorf("%d records, want %d", len(times), id)
	}
}

// TestKafkaSinkLeftovers: what a job leaves open when it is killed is aborted when it goes
// on, so that nobody waits for it, and what its checkpoint holds is committed.
func TestKafkaSinkLeftovers(t *testing.T) {
	address, client := broker(t)
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "200 ms", "execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
	}
	script := "SET 'pipeline.name' = 'copy';" + ordersTable(address, wholeTopic) +
		outTable(address, "json", "'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'left'") +
		"INSERT INTO out SELECT id, customer.name FROM orders;"
	transactions, err := kafka.OpenTransactions(map[string]string{"bootstrap.servers": address})
	if err != nil {
		t.Fatal(err)
	}
	defer transactions.Close()
	open := func() (ids []string) {
		all, err := transactions.Lingering(t.Context(), "left-")
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			ids = append(ids, l.ID)
		}
		return ids
	}
	var left []string
	id := 30
	for len(left) == 0 { // until a cancellation leaves one
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		for len(open()) == 0 {
			id++
			produce(t, client, id%3, fmt.Sprintf(`{"id":%d,"ts":"2024-01-01 00:01:00"}`, id))
		}
		started.Cancel(context.Canceled)
		_, _ = started.Wait() // it was canceled
		left = open()
	}
	started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	await.Text(t, fmt.Sprint(id), func() string { return fmt.Sprint(len(consumed(t, address, "out", id))) })
	for _, l := range open() {
		if slices.Contains(left, l) {
			t.Errorf("%s is still open", l)
		}
	}
	if _, err := started.Stop(); err != nil {
		t.Fatal(err)
	}
}

// TestKafkaSinkPace: a transaction that cannot live from one checkpoint to the next is
// refused at the start.
func TestKafkaSinkPace(t *testing.T) {
	address, _ := broker(t)
	env := sqltest.Env(t, map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.interval": "1 min", "execution.checkpointing.dir": "file://" + filepath.ToSlash(t.TempDir()),
	})
	started, err := sqltest.Pipeline(t, env, ordersTable(address, wholeTopic)+
		outTable(address, "json", "'sink.delivery-guarantee' = 'exactly-once'", "'sink.transactional-id-prefix' = 'p'", "'properties.transaction.timeout.ms' = '60000'")+
		"INSERT INTO out SELECT id, customer.name FROM orders;").Start(t.Context(), wadi.RestoreLatest)
	if err == nil {
		_, err = started.Wait()
	}
	if want := "make 'execution.checkpointing.interval' shorter"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
