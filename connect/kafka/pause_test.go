package kafka_test

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// runtime is as much of a task as a reader wants.
type runtime struct{ ops.Runtime }

func (runtime) Allocator() memory.Allocator { return memory.DefaultAllocator }
func (runtime) Counter(string) ops.Counter  { return counter{} }
func (counter) Add(int64)                   {}

type counter struct{}

// reading opens a reader of all partitions of a topic.
func reading(t *testing.T, address, topic string, more ...string) (ops.SplitReader, error) {
	t.Helper()
	o := map[string]string{"connector": "kafka", "topic": topic, "properties.bootstrap.servers": address, "format": "raw", "scan.startup.mode": "earliest-offset"}
	for i := 0; i < len(more); i += 2 {
		o[more[i]] = more[i+1]
	}
	schema := job.Schema{Schema: arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.StringView}}, nil)}
	src, err := connector("kafka").Source(t.Context(), ops.Scan{Table: job.Table{Options: o, Schema: schema}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := src.Enumerator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if _, err := e.Discover(t.Context()); err != nil {
		return nil, err
	}
	r, err := src.Reader(t.Context(), runtime{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, r.Assign(e.Take(0, 1, 1))
}

// fetched waits for the next rows.
func fetched(t *testing.T, r ops.SplitReader) ops.Fetched {
	t.Helper()
	for {
		f, err := r.Fetch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.Batch != nil || f.After.ID != "" {
			if f.Batch != nil {
				t.Cleanup(f.Batch.Release)
			}
			return f
		}
		select {
		case <-f.Ready:
		case <-t.Context().Done():
			t.Fatal("nothing comes")
		}
	}
}

// TestPause: partitions that are left alone are read on where they were.
func TestPause(t *testing.T) {
	_, address := brokers(t, kfake.SeedTopics(2, "two"))
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	put := func(partition int32, value string) {
		t.Helper()
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "two", Partition: partition, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := reading(t, address, "two")
	if err != nil {
		t.Fatal(err)
	}
	p := r.(ops.Pausing)
	put(0, "a")
	if f := fetched(t, r); f.After.ID != "two-0" {
		t.Errorf("rows of %s", f.After.ID)
	}
	p.Pause([]string{"two-0"})
	put(0, "b")
	put(1, "c")
	if f := fetched(t, r); f.After.ID != "two-1" {
		t.Errorf("rows of %s, which is left alone", f.After.ID)
	}
	p.Pause(nil)
	if f := fetched(t, r); f.After.ID != "two-0" || f.Batch.Len() != 1 {
		t.Errorf("%d rows of %s", f.Batch.Len(), f.After.ID)
	}
}

// TestIdleAtEnd: a partition without records is idle, and one that was read to its end.
func TestIdleAtEnd(t *testing.T) {
	_, address := brokers(t, kfake.SeedTopics(2, "two"))
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "two", Value: []byte("a")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, on := range []string{"true", "false"} {
		r, err := reading(t, address, "two", "scan.watermark.idle-at-end", on)
		if err != nil {
			t.Fatal(err)
		}
		if on == "true" {
			if f := fetched(t, r); f.After.ID != "two-1" || !f.Idle || f.Batch != nil {
				t.Errorf("first %v", f)
			}
		}
		if f := fetched(t, r); f.After.ID != "two-0" || f.Idle != (on == "true") || f.Batch.Len() != 1 {
			t.Errorf("then %v", f)
		}
	}
}
