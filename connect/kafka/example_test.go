package kafka_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi"
	"github.com/wadi-engine/wadi/internal/await"
	"github.com/wadi-engine/wadi/internal/sqltest"
)

// TestKafkaToIceberg runs the example of the documentation: its job is stopped and
// goes on, and each record is in the table once.
func TestKafkaToIceberg(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", "kafka_to_iceberg.sql"))
	if err != nil {
		t.Fatal(err)
	}
	address, client := broker(t)
	dir := filepath.ToSlash(t.TempDir())
	script := strings.NewReplacer("localhost:9092", address, "/tmp/lake", dir, "'10 s'", "'100 ms'", "off BIGINT);", "off BIGINT) WITH ('sink.commit.max-age' = '300 ms');").Replace(string(text))
	for round := range 2 {
		for i := range 20 {
			bid := fmt.Sprintf(`{"auction":%d,"bidder":%d,"price":100,"channel":"Apple","dateTime":"2024-01-01 00:00:00.123"}`, 20*round+i, i)
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "bids", Partition: int32(i % 2), Value: []byte(bid)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		started, err := sqltest.Pipeline(t, sqltest.Env(t, map[string]string{"execution.runtime-mode": "streaming"}), script).Start(t.Context(), wadi.RestoreLatest)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%[1]d bids, %[1]d of them different", 20*(round+1))
		await.Text(t, want, func() string { return bids(t, script) })
		if _, err := started.Stop(); err != nil {
			t.Fatal(err)
		}
		if got := bids(t, script); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// bids counts what is in the table of the script's catalog.
func bids(t *testing.T, script string) string {
	t.Helper()
	env := sqltest.Env(t, map[string]string{"execution.runtime-mode": "batch"})
	at := strings.Index(script, "CREATE CATALOG")
	sqltest.Run(t, env, script[at:at+strings.IndexByte(script[at:], ';')+1])
	query := "SELECT CAST(COUNT(*) AS STRING) || ' bids, ' || CAST(COUNT(DISTINCT auction) AS STRING) || ' of them different' AS text FROM lake.db.bids"
	for row, err := range wadi.Rows[struct{ Text string }](t.Context(), env.SQL(query)) {
		if err != nil {
			return err.Error()
		}
		return row.Text
	}
	return "nothing"
}
