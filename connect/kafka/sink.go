package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/connect/format/changes"
	"github.com/wadi-engine/wadi/connect/format/json"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// guarantee says what of a job's failure readers of the topic see.
type guarantee string

const (
	none        guarantee = "none"          // rows may be lost, and doubled
	atLeastOnce guarantee = "at-least-once" // rows may be doubled
	exactlyOnce guarantee = "exactly-once"  // nothing, if they read what is committed
)

// changelog is the format in which rows of every kind are written.
const changelog = "debezium-json"

// maxTransaction is how long a transaction may be open when no property says it:
// what brokers allow unless they are told otherwise.
const maxTransaction = 15 * time.Minute

// sink writes rows as records of a topic.
type sink struct {
	config
	table       job.Table
	guarantee   guarantee
	partitioner string
	prefix      string // of transactional ids
	timeout     time.Duration
}

var _ ops.Sink = (*sink)(nil)

func openSink(_ context.Context, t job.Table) (ops.Sink, error) {
	c, err := parse(t)
	if err == nil {
		var s *sink
		if s, err = newSink(c, t); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("table %s: %w", t.Ident, err)
}

func newSink(c *config, t job.Table) (*sink, error) {
	s := &sink{config: *c, table: t, timeout: maxTransaction}
	if len(c.topics) != 1 {
		return nil, fmt.Errorf("%w: rows are written to one topic: 'topic' names it", job.ErrInvalid)
	}
	if c.format.Name != "json" && c.format.Name != changelog {
		return nil, fmt.Errorf("%w: format '%s' is only read; json and debezium-json are written", job.ErrInvalid, c.format.Name)
	}
	switch s.guarantee = guarantee(c.options["sink.delivery-guarantee"]); s.guarantee {
	case "":
		s.guarantee = atLeastOnce
	case none, atLeastOnce, exactlyOnce:
	default:
		return nil, fmt.Errorf("%w: option 'sink.delivery-guarantee' = '%s': want at-least-once, exactly-once or none", job.ErrInvalid, s.guarantee)
	}
	s.prefix = c.options["sink.transactional-id-prefix"]
	if s.guarantee == exactlyOnce && s.prefix == "" {
		return nil, fmt.Errorf("%w: exactly-once needs 'sink.transactional-id-prefix', which no other job uses in this cluster", job.ErrInvalid)
	}
	switch s.partitioner = c.options["sink.partitioner"]; s.partitioner {
	case "", "default", "fixed", "round-robin":
	default:
		return nil, fmt.Errorf("%w: option 'sink.partitioner' = '%s': want default, fixed or round-robin", job.ErrInvalid, s.partitioner)
	}
	if text := c.properties["transaction.timeout.ms"]; text != "" {
		d, err := time.ParseDuration(text + "ms")
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%w: option 'properties.transaction.timeout.ms' = '%s': want milliseconds", job.ErrInvalid, text)
		}
		s.timeout = d
	}
	for _, f := range t.Schema.Fields() {
		if f.Metadata.FindKey(ops.MetadataColumn) >= 0 {
			return nil, fmt.Errorf("%w: column %s: metadata of records is only read; declare the column VIRTUAL", job.ErrInvalid, f.Name)
		}
	}
	_, err := s.encoder()
	return s, err
}

// encoder writes the rows of the table.
func (s *sink) encoder() (*json.Encoder, error) {
	return json.NewEncoder(s.table.Schema.Schema, s.format.Name+".", s.options)
}

// Writer implements ops.Sink.
func (s *sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	w := &writer{sink: s, task: rt.Task().Index, failed: make(chan error, 1)}
	var err error
	if w.rows, err = s.encoder(); err != nil {
		return nil, err
	}
	if s.guarantee == exactlyOnce {
		w.ids, err = newIDs(s.prefix, w.task)
		return w, err
	}
	w.client, err = w.open()
	if err == nil {
		err = w.client.Ping(ctx)
	}
	return w, err
}

// Committer implements ops.Sink.
func (s *sink) Committer(context.Context, ops.SinkID) (ops.Committer, error) {
	if s.guarantee != exactlyOnce {
		return nil, nil
	}
	client, _, err := s.connect()
	return &committer{client: client, topic: s.topics[0]}, err
}

// writer is one task of a sink.
type writer struct {
	*sink
	task   int
	rows   *json.Encoder
	client *kgo.Client // of the open transaction; nil while there is none
	ids    *ids
	id     string // of the open transaction
	failed chan error
}

// open makes a producer.
func (w *writer) open(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.DefaultProduceTopic(w.topics[0]), kgo.AllowAutoTopicCreation(), kgo.ProducerLinger(5 * time.Millisecond), kgo.RecordPartitioner(w.partition()),
		kgo.RecordDeliveryTimeout(2 * time.Minute), kgo.MaxBufferedRecords(64 << 10),
	}, more...)
	client, _, err := w.connect(opts...)
	return client, err
}

func (w *writer) partition() kgo.Partitioner {
	switch w.partitioner {
	case "fixed":
		return kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
			return func(_ *kgo.Record, n int) int { return w.task % n }
		})
	case "round-robin":
		return kgo.RoundRobinPartitioner()
	}
	return kgo.UniformBytesPartitioner(256<<10, true, true, nil)
}

// Write implements ops.SinkWriter.
func (w *writer) Write(ctx context.Context, b *stream.Batch) error {
	defer b.Release()
	if err := w.failure(); err != nil || b.Len() == 0 {
		return err
	}
	if w.client == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	w.rows.Fill(b.Rows.Columns())
	defer w.rows.Drop()
	w.produce(ctx, b)
	return w.failure()
}

// produce hands the rows of a batch to the client, which takes them when it has
// room. Their texts share one piece of memory.
func (w *writer) produce(ctx context.Context, b *stream.Batch) {
	records := make([]kgo.Record, b.Len())
	ends := make([]int, b.Len())
	var text []byte
	for row := range records {
		if w.format.Name == changelog {
			text = changes.AppendDebezium(text, w.rows, row, b.Kind(row))
		} else {
			text = w.rows.Append(text, row)
		}
		ends[row] = len(text)
	}
	from := 0
	for row := range records {
		records[row].Value = text[from:ends[row]:ends[row]]
		from = ends[row]
		w.client.Produce(ctx, &records[row], w.done)
	}
}

// done is told of each record, by the client.
func (w *writer) done(r *kgo.Record, err error) {
	if err == nil {
		return
	}
	select {
	case w.failed <- fmt.Errorf("write to topic %s: %w", r.Topic, err):
	default: // the first error is the one to tell
	}
}

// failure is the first error of a record.
func (w *writer) failure() error {
	select {
	case err := <-w.failed:
		return err
	default:
		return nil
	}
}

// Prepare implements ops.SinkWriter.
func (w *writer) Prepare(ctx context.Context, e stream.Epoch, last bool) ([]ops.Committable, error) {
	if w.client == nil || w.guarantee == none && !last {
		return nil, w.failure()
	}
	if err := w.client.Flush(ctx); err != nil {
		return nil, fmt.Errorf("write to topic %s: %w", w.topics[0], err)
	}
	if err := w.failure(); err != nil || w.guarantee != exactlyOnce {
		return nil, err
	}
	c, err := w.end(ctx, e)
	if err != nil {
		return nil, err
	}
	return []ops.Committable{c}, nil
}

// Close implements ops.SinkWriter.
func (w *writer) Close() error {
	if w.client != nil {
		w.client.Close()
	}
	return nil
}
