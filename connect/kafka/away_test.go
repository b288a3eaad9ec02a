package kafka_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
	"github.com/wadi-engine/wadi/internal/testserver"
)

// gate is a proxy that can be closed.
type gate struct {
	URL    string
	closed atomic.Bool
	missed atomic.Int64 // requests while it was closed
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed.Load() {
			g.missed.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	g.URL = server.URL
	return g
}

// TestRegistryAway: a job that meets a schema which it does not know waits for the
// registry, with that record and those behind it.
func TestRegistryAway(t *testing.T) {
	registry := testserver.SchemaRegistry(t)
	entrance := newGate(t, registry.URL())
	address, client := broker(t)
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms",
	}
	started, err := sqltest.Pipeline(t, sqltest.Env(t, config), topicTable(address, "id BIGINT", "'connector' = 'kafka'", "'format' = 'avro-confluent'",
		"'avro-confluent.url' = '"+entrance.URL+"'", wholeTopic)+`CREATE TABLE got (id BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '`+dir+`/got');
		INSERT INTO got SELECT id FROM t;`).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := sr.NewClient(sr.URLs(registry.URL()))
	if err != nil {
		t.Fatal(err)
	}
	send := func(more string, ids ...byte) {
		text := `{"type":"record","name":"r","fields":[{"name":"id","type":"long"}` + more + `]}`
		id, err := schemas.RegisterSchema(t.Context(), "out-value", sr.Schema{Schema: text, Type: sr.TypeAvro}, -1, -1)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ids {
			value := []byte{0, 0, 0, 0, byte(id), n << 1}
			if more != "" {
				value = append(value, 2)
			}
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "out", Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func() string { return rowsBelow(t, dir+"/got") }
	send("", 1, 2)
	await.Text(t, "2 rows, 2 of them different", count)
	entrance.closed.Store(true)
	send("", 3) // with the schema that it knows
	send(`,{"name":"x","type":"int","default":0}`, 4, 5)
	await.Text(t, "asked again", func() string {
		if n := entrance.missed.Load(); n < 3 {
			return fmt.Sprint(n, " requests")
		}
		return "asked again"
	})
	entrance.closed.Store(false)
	await.Text(t, "5 rows, 5 of them different", count)
	if r, err := started.Stop(); err != nil || r.Restarts > 0 {
		t.Errorf("%d restarts, %v", r.Restarts, err)
	}
}

// TestTopicDeleted: a job whose topic is deleted ends at once, says so, and is not
// restarted.
func TestTopicDeleted(t *testing.T) {
	t.Parallel() // it waits, mostly
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	client := producer(t, address)
	produce(t, client, 0, `{"id":1}`)
	dir := filepath.ToSlash(t.TempDir())
	env := sqltest.Env(t, map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1000",
	})
	started, err := sqltest.Pipeline(t, env, ordersTable(address, wholeTopic, "'scan.topic-partition-discovery.interval' = '100 ms'")+fmt.Sprintf(`
		CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/out');
		INSERT INTO out SELECT id FROM orders;`, dir)).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	await.Text(t, "1 rows, 1 of them different", func() string { return rowsBelow(t, dir+"/out") })
	id := sqltest.Running(t, env)
	if _, err := kadm.NewClient(client).DeleteTopics(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	const want = "topic orders was deleted"
	if r, err := started.Wait(); err == nil || !strings.Contains(err.Error(), want) || r.Restarts > 0 {
		t.Errorf("%d restarts, %v, want %s", r.Restarts, err, want)
	}
	rows, err := sqltest.Shown(t, env, "DESCRIBE JOB '"+id+"'")
	if err != nil || !slices.ContainsFunc(rows, func(r string) bool { return strings.Contains(r, "FAILED") && strings.Contains(r, want) }) {
		t.Errorf("DESCRIBE JOB: %q %v", rows, err)
	}
}
