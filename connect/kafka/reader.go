package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/connect/format"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// reader reads partitions, as they have records.
type reader struct {
	*source
	alloc   memory.Allocator
	bad     ops.Counter
	key     format.Decoder // nil if no column is in keys
	decoder format.Decoder
	kinds   []stream.RowKind // of upserts
	// prepareKey and prepareValue are the decoders again, if they ask for schemas.
	prepareKey, prepareValue format.Preparing
	poller                   *poller
	admin                    *kadm.Client
	at                       map[string]position // of the partitions, by id
	high                     map[string]int64    // the ends of the partitions, as brokers have told them
	over                     []ops.Split         // partitions that have ended before their first record
	idling                                       // what is known of ends
	pausing                                      // partitions that are left alone
	halting                                      // up to where they are read

	fetch   *kgo.FetchTopicPartition // what is being read
	records []*kgo.Record            // of the batch, for their metadata
	letters []letter
}

var (
	_ ops.Gatherer = (*reader)(nil)
	_ ops.Pausing  = (*reader)(nil)
)

// letter is a record that could not be read.
type letter struct {
	record *kgo.Record
	bytes  []byte // its value, or its key
	reason error
}

func (s *source) Reader(_ context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	r := &reader{source: s, alloc: rt.Allocator(), bad: rt.Counter("numRecordsInErrors"), at: map[string]position{}, high: map[string]int64{}}
	var err error
	if r.idles, err = format.Flag(s.options, idleAtEnd); err != nil {
		return nil, err
	}
	if r.key, r.decoder, err = s.decoders(); err != nil {
		return nil, err
	}
	r.prepareKey, _ = r.key.(format.Preparing)
	r.prepareValue, _ = r.decoder.(format.Preparing)
	client, admin, err := s.connect(kgo.KeepControlRecords(), kgo.KeepRetryableFetchErrors())
	if err != nil {
		return nil, err
	}
	r.admin = admin
	r.poller = newPoller(client)
	return r, nil
}

// Gathers implements ops.Gatherer: partitions come at any time.
func (r *reader) Gathers() bool { return true }

// Assign adds partitions.
func (r *reader) Assign(splits []ops.Split) error {
	add := map[string]map[int32]kgo.Offset{}
	for _, s := range splits {
		var p position
		if err := json.Unmarshal(s.Position, &p); err != nil {
			return fmt.Errorf("position of %s: %w", s.ID, err)
		}
		if p.End != endless && p.Offset >= p.End {
			r.over = append(r.over, s)
			continue
		}
		r.at[s.ID] = p
		if r.halted(s.ID, p) {
			continue
		}
		r.fresh(p)
		if add[p.Topic] == nil {
			add[p.Topic] = map[int32]kgo.Offset{}
		}
		add[p.Topic][p.Partition] = kgo.NewOffset().At(p.Offset)
	}
	if len(add) > 0 {
		r.poller.client.AddConsumePartitions(add)
	}
	return nil
}

// batchRows is how many records travel together at the most, and batchBytes how
// many bytes of their values.
const (
	batchRows  = 16 << 10
	batchBytes = 32 << 20
)

// Fetch returns the next records of one partition.
func (r *reader) Fetch(ctx context.Context) (ops.Fetched, error) {
	if len(r.over) > 0 {
		s := r.over[0]
		r.over = r.over[1:]
		return ops.Fetched{After: s, Done: true}, nil
	}
	if f, ok, err := r.empty(ctx); ok || err != nil {
		return f, err
	}
	if r.fetch == nil && r.rests() {
		return ops.Fetched{}, nil
	}
	for r.fetch == nil {
		f, ready := r.next()
		if f == nil {
			if len(r.at) == 0 {
				return ops.Fetched{}, nil
			}
			return ops.Fetched{Ready: ready}, nil
		}
		id := position{Topic: f.Topic, Partition: f.Partition}.id()
		if at, ours := r.at[id]; !ours || r.halted(id, at) {
			continue // it has ended
		}
		if err := r.failed(ctx, f); err != nil {
			return ops.Fetched{}, err
		}
		if len(f.Records) > 0 {
			r.fetch = f
		}
	}
	return r.batch(ctx)
}

// failed says whether what the brokers report must end the job. What may pass is
// tried again by the client.
func (r *reader) failed(ctx context.Context, f *kgo.FetchTopicPartition) error {
	switch {
	case f.Err == nil, errors.Is(f.Err, context.Canceled):
		return nil
	case errors.Is(f.Err, kerr.UnknownTopicOrPartition), errors.Is(f.Err, kerr.UnknownTopicID):
		return r.deleted(ctx, f)
	case kerr.IsRetriable(f.Err), kgo.IsRetryableBrokerErr(f.Err):
		return nil
	case errors.Is(f.Err, kerr.OffsetOutOfRange):
		p := r.at[position{Topic: f.Topic, Partition: f.Partition}.id()]
		return fmt.Errorf("%w: topic %s, partition %d: offset %d is not there any more: the topic keeps records for a shorter time than the job stood still; "+
			"start the job anew from where records are", job.ErrInvalid, f.Topic, f.Partition, p.Offset)
	}
	var loss *kgo.ErrDataLoss
	if errors.As(f.Err, &loss) {
		return fmt.Errorf("%w: topic %s, partition %d: records were lost by the brokers: %w", job.ErrInvalid, f.Topic, f.Partition, f.Err)
	}
	return fmt.Errorf("read topic %s, partition %d: %w", f.Topic, f.Partition, f.Err)
}

// errDeleted is the error of a topic that is gone.
var errDeleted = fmt.Errorf("%w: it was deleted", job.ErrInvalid)

// again asks for a topic that a broker does not know: one that has just started, or
// has become the leader, may not know it yet. It is errDeleted when that stays so.
func again(ctx context.Context, admin *kadm.Client, topic string) (kadm.TopicDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*asking)
	defer cancel()
	return backoff.Retry(ctx, func() (kadm.TopicDetail, error) {
		all, err := admin.ListTopics(ctx, topic)
		if err != nil {
			return kadm.TopicDetail{}, backoff.Permanent(err)
		}
		t, ok := all[topic]
		if !ok || errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			return t, errDeleted
		}
		return t, nil
	}, backoff.WithBackOff(backoff.NewConstantBackOff(time.Second)), backoff.WithMaxElapsedTime(asking))
}

func deleted(topic string) error {
	return fmt.Errorf("%w: topic %s was deleted while it was read", job.ErrInvalid, topic)
}

// deleted says whether the topic is gone that a fetch has not found.
func (r *reader) deleted(ctx context.Context, f *kgo.FetchTopicPartition) error {
	t, err := again(ctx, r.admin, f.Topic)
	switch {
	case errors.Is(err, errDeleted):
		return deleted(f.Topic)
	case err != nil:
		return nil // brokers that do not answer have not deleted it
	}
	before := r.at[position{Topic: f.Topic, Partition: f.Partition}.id()].TopicID
	if id := idOf(t); before != "" && id != "" && before != id {
		return recreated(f.Topic)
	}
	return nil
}

// batch decodes records of the fetch at hand.
func (r *reader) batch(ctx context.Context) (ops.Fetched, error) {
	f := r.fetch
	id := position{Topic: f.Topic, Partition: f.Partition}.id()
	at := r.at[id]
	r.high[id] = f.HighWatermark
	r.records, r.letters = r.records[:0], r.letters[:0]
	used, done, limit := 0, false, r.limit(id, at)
	for _, rec := range f.Records {
		if done = limit != endless && rec.Offset >= limit; done {
			at.Offset = max(at.Offset, limit)
		}
		if done || r.decoder.Rows() >= batchRows || r.decoder.Bytes() >= batchBytes {
			break
		}
		used++
		at.Offset = rec.Offset + 1
		if done = limit != endless && at.Offset >= limit; rec.Attrs.IsControl() {
			continue
		}
		if err := r.prepare(ctx, rec); err != nil {
			return ops.Fetched{}, fmt.Errorf("topic %s, partition %d, offset %d: %w", rec.Topic, rec.Partition, rec.Offset, err)
		}
		if bytes, err := r.append(rec); err != nil {
			r.letters = append(r.letters, letter{rec, bytes, err})
			continue
		}
		for len(r.meta) > 0 && len(r.records) < r.decoder.Rows() { // a change may be two rows
			r.records = append(r.records, rec)
		}
	}
	atEnd := false
	if f.Records = f.Records[used:]; len(f.Records) == 0 || done {
		r.fetch = nil
		atEnd = r.ended(f, at)
	}
	if r.halted(id, at) { // its end may lie behind that
		r.poller.client.PauseFetchPartitions(map[string][]int32{at.Topic: {at.Partition}})
		done = at.End != endless && at.Offset >= at.End
	}
	out, err := r.fetched(id, at, done)
	out.Idle = atEnd
	return out, err
}

// prepare finds what decoders must know of a record.
func (r *reader) prepare(ctx context.Context, rec *kgo.Record) error {
	if r.prepareValue != nil && rec.Value != nil {
		if err := r.prepareValue.Prepare(ctx, rec.Value); err != nil {
			return err
		}
	}
	if r.prepareKey != nil && rec.Key != nil {
		return r.prepareKey.Prepare(ctx, rec.Key)
	}
	return nil
}

// append decodes a record. After an error, which comes with what is bad, there are as
// many rows as before.
func (r *reader) append(rec *kgo.Record) ([]byte, error) {
	rows := r.decoder.Rows()
	switch {
	case rec.Value != nil:
		if err := r.decoder.Append(rec.Value); err != nil {
			return rec.Value, err
		}
	case r.upsert || r.value.format.Name == "raw":
		r.decoder.(format.Padding).AppendNull()
	default:
		return nil, nil // a tombstone says nothing to those who know no keys
	}
	for r.key != nil && r.key.Rows() < r.decoder.Rows() {
		if err := r.appendKey(rec.Key); err != nil {
			r.key.Truncate(rows)
			r.decoder.Truncate(rows)
			return rec.Key, fmt.Errorf("key: %w", err)
		}
	}
	if r.upsert {
		kind := stream.UpdateAfter
		if rec.Value == nil {
			kind = stream.Delete
		}
		r.kinds = append(r.kinds, kind)
	}
	return nil, nil
}

func (r *reader) appendKey(key []byte) error {
	switch {
	case key != nil:
		return r.key.Append(key)
	case r.upsert:
		return errors.New("the record has none, and is a row of a table by key")
	}
	r.key.(format.Padding).AppendNull()
	return nil
}

// fetched is what was decoded, and the position behind it.
func (r *reader) fetched(id string, at position, done bool) (out ops.Fetched, err error) {
	if out.Errors, err = r.deadLetters(); err != nil {
		return out, err
	}
	if out.After, err = at.split(); err != nil {
		return out, err
	}
	r.at[id] = at
	if out.Done = done; done {
		delete(r.at, id)
		r.poller.client.RemoveConsumePartitions(map[string][]int32{at.Topic: {at.Partition}})
	}
	if r.decoder.Rows() > 0 {
		kinds := r.kinds
		if c, ok := r.decoder.(format.Changing); ok {
			kinds = c.Kinds()
		}
		r.kinds = nil // the batch has them
		out.Batch = stream.NewBatch(r.record())
		out.Batch.Kinds = kinds
	}
	return out, nil
}

// record puts the columns of keys, values and metadata in the order of the scan.
func (r *reader) record() arrow.RecordBatch {
	values := r.decoder.Record(r.alloc)
	if len(r.meta) == 0 && r.key == nil {
		return values
	}
	defer values.Release()
	var keys arrow.RecordBatch
	if r.key != nil {
		keys = r.key.Record(r.alloc)
		defer keys.Release()
	}
	cols := make([]arrow.Array, len(r.places))
	for i, p := range r.places {
		switch p.part {
		case inMeta:
			cols[i] = r.meta[p.i].column(r.alloc, r.records)
			defer cols[i].Release()
		case inKey:
			cols[i] = keys.Column(p.i)
		case inValue:
			cols[i] = values.Column(p.i)
		}
	}
	return array.NewRecordBatch(r.schema, cols, values.NumRows())
}

// deadLetters does with bad records what the policy says.
func (r *reader) deadLetters() (*stream.Batch, error) {
	if len(r.letters) == 0 {
		return nil, nil
	}
	r.bad.Add(int64(len(r.letters)))
	switch r.policy {
	case skip:
		return nil, nil
	case fail:
		l := r.letters[0]
		return nil, fmt.Errorf("%w: topic %s, partition %d, offset %d: %w: %.80q; 'error.policy' = 'skip' or 'dead-letter' goes on without such records",
			job.ErrInvalid, l.record.Topic, l.record.Partition, l.record.Offset, l.reason, l.bytes)
	case deadLetter:
	}
	b := array.NewRecordBuilder(r.alloc, ops.DeadLetters)
	defer b.Release()
	for _, l := range r.letters {
		b.Field(0).(*array.StringViewBuilder).Append(r.table.Ident.String())
		b.Field(1).(*array.StringViewBuilder).Append(position{Topic: l.record.Topic, Partition: l.record.Partition}.id())
		b.Field(2).(*array.Int64Builder).Append(l.record.Offset)
		b.Field(3).(*array.StringViewBuilder).Append(l.reason.Error())
		b.Field(4).(*array.BinaryViewBuilder).Append(l.bytes)
	}
	return stream.NewBatch(b.NewRecordBatch()), nil
}

// Close implements ops.SplitReader.
func (r *reader) Close() error {
	r.poller.close()
	return nil
}
