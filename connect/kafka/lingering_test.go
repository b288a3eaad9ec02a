package kafka_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/connect/kafka"
	"github.com/wadi-engine/wadi/internal/testserver"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// begun leaves a transaction with a record open.
func begun(t *testing.T, address, id string) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.TransactionalID(id), kgo.DefaultProduceTopic("t"), kgo.TransactionTimeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return client
}

func brokers(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, string) {
	t.Helper()
	testserver.InProcess(t, "kfake (Kafka)")
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "t")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, cluster.ListenAddrs()[0]
}

// TestLingering: open transactions are found by their prefix, and ended.
func TestLingering(t *testing.T) {
	_, address := brokers(t)
	begun(t, address, "mine-1")
	begun(t, address, "mine-2")
	begun(t, address, "other-1")
	tr, err := kafka.OpenTransactions(map[string]string{"bootstrap.servers": address})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	all, err := tr.Lingering(t.Context(), "mine-")
	if err != nil || len(all) != 2 || all[0].ID != "mine-1" || all[0].Timeout != time.Minute || len(all[0].Topics) != 1 || all[0].Topics[0] != "t" {
		t.Fatal(all, err)
	}
	for _, l := range all {
		if err := tr.Abort(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	if all, err = tr.Lingering(t.Context(), ""); err != nil || len(all) != 1 || all[0].ID != "other-1" {
		t.Error(all, err)
	}
}

// TestExpired: a transaction of the checkpoint that the brokers have given up fails the job
// when it begins again, with the epoch; others of the sink are aborted.
func TestExpired(t *testing.T) {
	_, address := brokers(t)
	o := map[string]string{
		"connector": "kafka", "topic": "t", "properties.bootstrap.servers": address, "format": "json",
		"sink.delivery-guarantee": "exactly-once", "sink.transactional-id-prefix": "p",
	}
	schema := job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)}
	s, err := connector("kafka").Sink(t.Context(), job.Table{Options: o, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Committer(t.Context(), ops.SinkID{Job: "j", Sink: "s"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client := begun(t, address, "p-held")
	producer, fence, err := client.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held, err := json.Marshal(map[string]any{"version": 1, "id": "p-held", "producer": producer, "fence": fence, "epoch": 7})
	if err != nil {
		t.Fatal(err)
	}
	pending := []ops.Pending{{Epoch: 7, Committables: []ops.Committable{held}}}
	for range 2 { // also when it was committed already
		if err := c.(ops.Recovering).Recover(t.Context(), ops.Recovery{Pending: pending}); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := kafka.OpenTransactions(map[string]string{"bootstrap.servers": address})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if err := tr.Abort(t.Context(), "p-held"); err != nil {
		t.Fatal(err)
	}
	err = c.(ops.Recovering).Recover(t.Context(), ops.Recovery{Pending: pending})
	if want := "the rows of epoch 7 for topic t cannot be committed"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
