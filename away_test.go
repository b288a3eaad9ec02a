package wadi_test

import (
	"context"
	"errors"
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

	icecatalog "github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	"github.com/apache/iceberg-go/table"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
)

// awayCatalog is a catalog that can be out of reach.
type awayCatalog struct {
	*sqlcatalog.Catalog
	away  *atomic.Bool
	asked *atomic.Int64 // while it was
}

var errAway = errors.New("dial tcp 10.0.0.1:8181: connection refused")

func (c awayCatalog) reach() error {
	if !c.away.Load() {
		return nil
	}
	c.asked.Add(1)
	return errAway
}

func (c awayCatalog) LoadTable(ctx context.Context, ident table.Identifier) (*table.Table, error) {
	if err := c.reach(); err != nil {
		return nil, err
	}
	return c.Catalog.LoadTable(ctx, ident)
}

func (c awayCatalog) CommitTable(ctx context.Context, ident table.Identifier, reqs []table.Requirement, updates []table.Update) (table.Metadata, string, error) {
	if err := c.reach(); err != nil {
		return nil, "", err
	}
	return c.Catalog.CommitTable(ctx, ident, reqs, updates)
}

// TestCatalogAway: a job whose catalog does not answer goes on reading and takes
// checkpoints, says what it waits for, and commits everything once it is back. How
// often it is asked in ten minutes is a matter of the coordinator, and tested there.
func TestCatalogAway(t *testing.T) {
	for _, sink := range []string{"append", "deletion vectors"} {
		t.Run(sink, func(t *testing.T) {
			t.Parallel()
			var away atomic.Bool
			var asked atomic.Int64
			dir := filepath.ToSlash(t.TempDir())
			env, err := wadi.Local(wadi.Options{
				Config: map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms"},
				Catalogs: map[string]catalog.Opener{"away": func(_ context.Context, _ string, props map[string]string) (icecatalog.Catalog, error) {
					c, err := icecatalog.Load(t.Context(), "lake", map[string]string{
						"type": "sql", "uri": "file:" + dir + "/cat.db", "sql.dialect": "sqlite", "sql.driver": "sqlite", "init_catalog_tables": "true", "warehouse": props["warehouse"],
					})
					if err != nil {
						return nil, err
					}
					return awayCatalog{c.(*sqlcatalog.Catalog), &away, &asked}, nil
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer env.Close()
			create := "(id BIGINT) WITH ('sink.commit.max-age' = '0 s')"
			if sink != "append" {
				create = "(id BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('sink.commit.max-age' = '0 s', 'format-version' = '3', 'write.upsert.enabled' = 'true')"
			}
			run(t, env, "CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'away', 'warehouse' = 'file://"+dir+"/lake'); CREATE DATABASE IF NOT EXISTS lake.`default`; CREATE TABLE lake.`default`.t "+create)
			started, err := pipelineOf(t, env, faultNumbers+"INSERT INTO lake.`default`.t SELECT id FROM numbers").Start(t.Context(), wadi.RestoreNone)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "committed", func() string {
				if started.Progress().Epoch > 2 {
					return "committed"
				}
				return fmt.Sprint(started.Progress())
			})
			away.Store(true)
			eventually(t, "waits", func() string {
				if p := started.Progress(); p.Staged >= 4 && strings.Contains(p.Problem, errAway.Error()) && p.State == "RUNNING" {
					return "waits"
				}
				return fmt.Sprintf("%+v", started.Progress())
			})
			rows, err := answer(t, env, "DESCRIBE JOB '"+running(t, env)+"'")
			if err != nil || !strings.Contains(rows[0], "publish the rows of sink") || !strings.Contains(rows[0], errAway.Error()) {
				t.Errorf("DESCRIBE JOB: %q %v", rows, err)
			}
			away.Store(false)
			if r, err := started.Wait(); err != nil || r.Restarts > 0 {
				t.Errorf("%d restarts, %v", r.Restarts, err)
			}
			if started.Progress().Problem != "" || asked.Load() == 0 {
				t.Errorf("%+v, asked %d times", started.Progress(), asked.Load())
			}
			run(t, env, "SET 'execution.runtime-mode' = 'batch'")
			sameTexts(t, env, totals("lake.`default`.t"), allNumbers)
		})
	}
}

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
	registry := schemaRegistry(t)
	entrance := newGate(t, registry.URL())
	address, client := broker(t)
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms",
	}
	started, err := pipelineOf(t, localEnv(t, config), topicTable(address, "id BIGINT", "'connector' = 'kafka'", "'format' = 'avro-confluent'",
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
	count := func() string { return counted(t, dir+"/got") }
	send("", 1, 2)
	eventually(t, "2 rows, 2 of them different", count)
	entrance.closed.Store(true)
	send("", 3) // with the schema that it knows
	send(`,{"name":"x","type":"int","default":0}`, 4, 5)
	eventually(t, "asked again", func() string {
		if n := entrance.missed.Load(); n < 3 {
			return fmt.Sprint(n, " requests")
		}
		return "asked again"
	})
	entrance.closed.Store(false)
	eventually(t, "5 rows, 5 of them different", count)
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
	env := localEnv(t, map[string]string{
		"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms",
		"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": "1000",
	})
	started, err := pipelineOf(t, env, ordersTable(address, wholeTopic, "'scan.topic-partition-discovery.interval' = '100 ms'")+fmt.Sprintf(`
		CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/out');
		INSERT INTO out SELECT id FROM orders;`, dir)).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "1 rows, 1 of them different", func() string { return counted(t, dir+"/out") })
	id := running(t, env)
	if _, err := kadm.NewClient(client).DeleteTopics(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	const want = "topic orders was deleted"
	if r, err := started.Wait(); err == nil || !strings.Contains(err.Error(), want) || r.Restarts > 0 {
		t.Errorf("%d restarts, %v, want %s", r.Restarts, err, want)
	}
	rows, err := answer(t, env, "DESCRIBE JOB '"+id+"'")
	if err != nil || !slices.ContainsFunc(rows, func(r string) bool { return strings.Contains(r, "FAILED") && strings.Contains(r, want) }) {
		t.Errorf("DESCRIBE JOB: %q %v", rows, err)
	}
}
