package kafka_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestKafkaIdleAtEnd: partitions that have nothing more do not hold windows back. Those
// that are aligned are read all the same.
func TestKafkaIdleAtEnd(t *testing.T) {
	address, client := broker(t) // no partition has ids beyond 30 s
	dir := filepath.ToSlash(t.TempDir())
	config := map[string]string{"execution.runtime-mode": "streaming", "execution.checkpointing.dir": "file://" + dir + "/checkpoints", "execution.checkpointing.interval": "50 ms"}
	for i, c := range []struct{ option, want string }{
		{"'scan.watermark.idle-at-end' = 'true'", "4 rows, 4 of them different"},
		{"'scan.watermark.alignment.group' = 'g', 'scan.watermark.alignment.max-drift' = '1 min', 'scan.watermark.alignment.update-interval' = '10 ms'", "2 rows, 2 of them different"},
	} {
		started, err := sqltest.Pipeline(t, sqltest.Env(t, config), ordersTable(address, wholeTopic, c.option)+fmt.Sprintf(`
			SET 'pipeline.name' = 'idle%[2]d';
			CREATE TABLE out (id TIMESTAMP(3), n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'parquet', 'path' = '%[1]s/out%[2]d');
			INSERT INTO out SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;`, dir, i)).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		read := func() string { return rowsBelow(t, fmt.Sprintf("%s/out%d", dir, i)) }
		await.Text(t, "2 rows, 2 of them different", read)
		produce(t, client, 0, `{"id":100,"ts":"2024-01-01 01:00:00"}`) // far ahead of the others
		// The windows of 0 s and 10 s are complete in every partition, the others when those
		// that were read to their ends do not count.
		await.Text(t, c.want, read)
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
