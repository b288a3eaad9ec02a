package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/connect/format"
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
	gather      gathering
	meta        []persisted
}

var _ ops.Paced = (*sink)(nil)

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
	var err error
	if s.meta, err = persistedOf(t.Schema.Schema); err != nil {
		return nil, err
	}
	if s.properties["delivery.timeout.ms"] != "" && slices.ContainsFunc(s.meta, func(m persisted) bool { return m.timed }) {
		return nil, fmt.Errorf("%w: 'properties.delivery.timeout.ms' counts from the timestamp of a record, which a column of this table gives: leave one of them away", job.ErrInvalid)
	}
	if s.gather, err = gatheringOf(c.options); err != nil {
		return nil, err
	}
	_, _, err = s.encoders()
	return s, err
}

// encoders write the keys of records, which is nil if they have none, and their
// values.
func (s *sink) encoders() (key, value format.Encoder, err error) {
	if s.key.format.Name != "" {
		if key, err = s.key.encoder(); err != nil {
			return nil, nil, err
		}
	}
	value, err = s.value.encoder()
	return key, value, err
}

// Writer implements ops.Sink.
func (s *sink) Writer(ctx context.Context, rt ops.Runtime) (ops.SinkWriter, error) {
	w := &writer{sink: s, task: rt.Task().Index, failed: make(chan error, 1)}
	var err error
	if w.keys, w.values, err = s.encoders(); err != nil {
		return nil, err
	}
	for _, e := range []format.Encoder{w.keys, w.values} {
		if e, ok := e.(format.Starting); ok {
			if err := e.Start(ctx); err != nil {
				return nil, err
			}
		}
	}
	if s.gather.rows > 0 {
		w.gathered = newGathered(w, s.gather)
	}
	if s.guarantee == exactlyOnce {
		w.ids, err = newIDs(stemOf(s.prefix, string(rt.Task().Job), rt.Task().UID), w.task)
		return w, err
	}
	w.client, err = w.open()
	if err == nil {
		err = w.client.Ping(ctx)
	}
	return w, err
}

// Paced implements ops.Paced.
func (s *sink) Paced(interval, timeout time.Duration) (advice string, err error) {
	const key = "properties.transaction.timeout.ms"
	switch {
	case s.guarantee != exactlyOnce || interval <= 0:
	case s.timeout <= interval:
		return "", fmt.Errorf("%w: table %s: a transaction is open from one checkpoint to the next, %s, and brokers give it up after '%s', %s: "+
			"make 'execution.checkpointing.interval' shorter or the timeout longer", job.ErrInvalid, s.table.Ident, interval, key, s.timeout)
	case s.timeout < interval+timeout:
		return fmt.Sprintf("table %s: a checkpoint may take %s after an interval of %s, and brokers give transactions up after '%s', %s: the job fails if one takes so long",
			s.table.Ident, timeout, interval, key, s.timeout), nil
	}
	return "", nil
}

// Committer implements ops.Sink.
func (s *sink) Committer(_ context.Context, id ops.SinkID) (ops.Committer, error) {
	if s.guarantee != exactlyOnce {
		return nil, nil
	}
	client, _, err := s.connect()
	return &committer{client: client, topic: s.topics[0], stem: stemOf(s.prefix, id.Job, id.Sink)}, err
}

// writer is one task of a sink.
type writer struct {
	*sink
	task     int
	keys     format.Encoder // nil if records have no keys
	values   format.Encoder
	gathered *gathered
	client   *kgo.Client // of the open transaction; nil while there is none
	ids      *ids
	id       string // of the open transaction
	failed   chan error

	columns []arrow.Array // scratch
}

// timedRetries is how often a record is sent whose time is not now.
const timedRetries = 60

// open makes a producer. Clients count a record's time to arrive from its timestamp,
// so where rows give that, the tries are counted.
func (w *writer) open(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.DefaultProduceTopic(w.topics[0]), kgo.AllowAutoTopicCreation(), kgo.ProducerLinger(5 * time.Millisecond), kgo.RecordPartitioner(w.partition()),
		kgo.RecordDeliveryTimeout(2 * time.Minute), kgo.MaxBufferedRecords(64 << 10),
	}, more...)
	if slices.ContainsFunc(w.meta, func(m persisted) bool { return m.timed }) {
		opts = append(opts, kgo.RecordDeliveryTimeout(0), kgo.RecordRetries(timedRetries))
	}
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
	records, err := w.encode(b)
	if err != nil {
		return fmt.Errorf("write to topic %s: %w", w.topics[0], err)
	}
	if w.gathered != nil {
		return w.gathered.add(ctx, records)
	}
	for i := range records {
		w.client.Produce(ctx, &records[i], w.done)
	}
	return w.failure()
}

// encode makes records of the rows of a batch. Their bytes share one piece of
// memory.
func (w *writer) encode(b *stream.Batch) ([]kgo.Record, error) {
	columns := b.Rows.Columns()
	w.columns = w.value.pick(w.columns[:0], columns)
	w.values.Fill(w.columns)
	defer w.values.Drop()
	if w.keys != nil {
		w.columns = w.key.pick(w.columns[:0], columns)
		w.keys.Fill(w.columns)
		defer w.keys.Drop()
	}
	records := make([]kgo.Record, 0, b.Len())
	ends := make([][2]int, 0, b.Len())
	var bytes []byte
	var err error
	for row := range b.Len() {
		kind := b.Kind(row)
		if w.upsert && kind == stream.UpdateBefore {
			continue // the new row of the key follows
		}
		if w.keys != nil {
			if bytes, err = w.keys.Append(bytes, row, stream.Insert); err != nil {
				return nil, err
			}
		}
		end := [2]int{len(bytes), -1}
		if !w.upsert || kind != stream.Delete {
			if bytes, err = w.values.Append(bytes, row, kind); err != nil {
				return nil, err
			}
			end[1] = len(bytes)
		}
		ends, records = append(ends, end), append(records, kgo.Record{})
		for i := range w.meta {
			w.meta[i].set(&records[len(records)-1], columns[w.meta[i].column], row)
		}
	}
	from := 0
	for i, end := range ends {
		if w.keys != nil {
			records[i].Key = bytes[from:end[0]:end[0]]
		}
		if from = end[0]; end[1] >= 0 {
			records[i].Value = bytes[from:end[1]:end[1]]
			from = end[1]
		}
	}
	return records, nil
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
	if w.gathered != nil {
		w.gathered.flush(ctx)
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
	if w.gathered != nil {
		w.gathered.close()
	}
	if w.client != nil {
		w.client.Close()
	}
	return nil
}
