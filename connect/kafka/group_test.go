package kafka_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestKafkaGroup: a group has the offsets of the newest checkpoint, and another job
// begins there.
func TestKafkaGroup(t *testing.T) {
	address, client := broker(t)
	admin := kadm.NewClient(client)
	dir := filepath.ToSlash(t.TempDir())
	script := func(name string, options ...string) string {
		return "SET 'pipeline.name' = '" + name + "';" + ordersTable(address, append(options, "'properties.group.id' = 'readers'")...) + fmt.Sprintf(`
			CREATE TABLE out (id INT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%s/%s');
			INSERT INTO out SELECT id FROM orders;`, dir, name)
	}
	config := map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms"}
	held := func() string {
		o, err := admin.FetchOffsets(t.Context(), "readers")
		if err != nil {
			return err.Error()
		}
		sum := int64(0)
		o.Each(func(r kadm.OffsetResponse) { sum += r.At })
		return fmt.Sprint(sum)
	}
	started, err := sqltest.Pipeline(t, sqltest.Env(t, config), script("first", wholeTopic)).Start(t.Context(), wadi.RestoreLatest)
	if err != nil {
		t.Fatal(err)
	}
	await.Text(t, "30", held)
	produce(t, client, 0, `{"id":31}`)
	await.Text(t, "31", held)
	if _, err := started.Stop(); err != nil {
		t.Fatal(err)
	}
	produce(t, client, 1, `{"id":32}`)
	// The next one reads what is new alone, to the end as of now, and tells that.
	sqltest.Run(t, sqltest.Env(t, config), script("second", "'scan.startup.mode' = 'group-offsets'", "'scan.bounded.mode' = 'latest-offset'"))
	if got := rowsBelow(t, dir+"/second"); got != "1 rows, 1 of them different" {
		t.Errorf("the second job reads %s", got)
	}
	await.Text(t, "32", held)
	sqltest.Run(t, sqltest.Env(t, config), script("third", wholeTopic, "'scan.bounded.mode' = 'specific-offsets'", "'scan.bounded.specific-offsets' = 'partition:0,offset:1'", "'properties.commit.offsets.on.checkpoint' = 'false'"))
	if got := held(); got != "32" {
		t.Errorf("a job that does not tell has set the offsets to %s", got)
	}
}
