package kafka_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// counted reads until so many rows have come, or an error.
func counted(t *testing.T, r ops.SplitReader, rows int) (n int, err error) {
	t.Helper()
	for n < rows {
		f, err := r.Fetch(t.Context())
		if err != nil {
			return n, err
		}
		if f.Batch != nil {
			n += f.Batch.Len()
			f.Batch.Release()
			continue
		}
		if f.Ready != nil {
			select {
			case <-f.Ready:
			case <-time.After(20 * time.Second):
				return n, errors.New("nothing comes")
			}
		}
	}
	return n, nil
}

func write(t *testing.T, address, topic string, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range n {
		if err := client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnknownTopic: a topic that is not there is named at once.
func TestUnknownTopic(t *testing.T) {
	_, address := brokers(t)
	_, err := reading(t, address, "none")
	if want := "there is no topic none: create it, or mend the option 'topic'"; err == nil || !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestYoungTopic: a broker that does not know yet that it leads a partition is asked
// again where it begins, and one that refuses is not.
func TestYoungTopic(t *testing.T) {
	cluster, address := brokers(t)
	write(t, address, "t", 3)
	young := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.UnknownTopicOrPartition, Count: 8})
	r, err := reading(t, address, "t")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := counted(t, r, 3); n != 3 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	if young.Hits() < 8 {
		t.Errorf("asked %d times", young.Hits())
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.TopicAuthorizationFailed, Count: -1})
	if _, err := reading(t, address, "t"); err == nil || !strings.Contains(err.Error(), "topic t: TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("%v, want the topic", err)
	}
}

// TestDeletedTopic: a topic that goes away while it is read is named, also when there is
// another one of its name.
func TestDeletedTopic(t *testing.T) {
	for _, again := range []bool{false, true} {
		cluster, address := brokers(t, kfake.SeedTopics(2, "two"))
		r, err := reading(t, address, "two")
		if err != nil {
			t.Fatal(err)
		}
		write(t, address, "two", 4)
		if _, err := counted(t, r, 4); err != nil {
			t.Fatal(err)
		}
		if err := cluster.DeleteTopic("two"); err != nil {
			t.Fatal(err)
		}
		want := "topic two was deleted"
		if again {
			if err := cluster.CreateTopic("two", 2, nil); err != nil {
				t.Fatal(err)
			}
			want = "topic two was deleted and created again"
		}
		if _, err := counted(t, r, 1); err == nil || !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("created again %t: %v, want %s", again, err, want)
		}
	}
}

// TestLeaderChange: partitions are read on at their new leaders, and what brokers refuse for
// a while is asked again.
func TestLeaderChange(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(2, "two"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	// The cluster forgets in which epoch records were written; nothing is lost here.
	cluster.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, t := range r.(*kmsg.OffsetForLeaderEpochRequest).Topics {
			out := kmsg.NewOffsetForLeaderEpochResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				one := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				one.Partition, one.LeaderEpoch, one.EndOffset = p.Partition, p.LeaderEpoch, math.MaxInt64
				out.Partitions = append(out.Partitions, one)
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp, nil, true
	})
	address := strings.Join(cluster.ListenAddrs(), ",")
	r, err := reading(t, address, "two", "properties.metadata.max.age.ms", "1000")
	if err != nil {
		t.Fatal(err)
	}
	servers := cluster.ListenAddrs()[0]
	for round := range 3 {
		write(t, servers, "two", 4)
		if n, err := counted(t, r, 4); err != nil || n != 4 {
			t.Fatalf("round %d: %d rows, %v", round, n, err)
		}
		for p := range int32(2) {
			if err := cluster.MoveTopicPartition("two", p, (cluster.LeaderFor("two", p)+1)%3); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, refused := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable, kerr.KafkaStorageError} {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "two", Err: refused, Count: 3})
		write(t, servers, "two", 2)
		if n, err := counted(t, r, 2); err != nil || n != 2 {
			t.Errorf("after %v: %d rows, %v", refused, n, err)
		}
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: "two", Err: kerr.TopicAuthorizationFailed, Count: -1})
	if _, err := counted(t, r, 1); err == nil || !strings.Contains(err.Error(), "read topic two, partition ") {
		t.Errorf("%v, want the topic and the partition", err)
	}
}
