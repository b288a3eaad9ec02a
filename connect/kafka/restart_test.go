package kafka_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestKafkaBrokerRestart: a job waits for brokers that are away, and goes on where it was.
func TestKafkaBrokerRestart(t *testing.T) {
	dir := filepath.ToSlash(t.TempDir())
	start := func(opts ...kfake.Opt) *kfake.Cluster {
		c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.DataDir(dir+"/kafka"), kfake.SeedTopics(1, "orders"))...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	cluster := start()
	address := cluster.ListenAddrs()[0]
	port := atoi(t, strings.Split(address, ":")[1])
	produce(t, producer(t, address), 0, `{"id":1}`)
	config := map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms"}
	started, err := sqltest.Pipeline(t, sqltest.Env(t, config), ordersTable(address, wholeTopic, "'scan.topic-partition-discovery.interval' = '100 ms'", "'properties.group.id' = 'g'")+fmt.Sprintf(`
		CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/out');
		INSERT INTO out SELECT id FROM orders;`, dir)).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	for id := 2; id < 5; id++ {
		await.Text(t, fmt.Sprintf("%[1]d rows, %[1]d of them different", id-1), func() string { return rowsBelow(t, dir+"/out") })
		cluster.Close()
		cluster = start(kfake.Ports(port))
		produce(t, producer(t, address), 0, fmt.Sprintf(`{"id":%d}`, id))
	}
	await.Text(t, "4 rows, 4 of them different", func() string { return rowsBelow(t, dir+"/out") })
	r, err := started.Stop()
	if err != nil || r.Restarts > 0 {
		t.Errorf("%d restarts of the job, %v", r.Restarts, err)
	}
	cluster.Close()
}
