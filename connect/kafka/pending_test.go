package kafka_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/ops"
)

func TestPending(t *testing.T) {
	_, address := brokers(t, kfake.SeedTopics(1, "one"))
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const n = 20_000
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: "one", Value: []byte("x")}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r, err := reading(t, address, "one")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for read < n {
		read += fetched(t, r).Batch.Len()
		if got := r.(ops.Lagging).Pending(); got != int64(n-read) {
			t.Fatalf("%d records pending, want %d", got, n-read)
		}
	}
}
