package kafka

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/zeebo/xxh3"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// position is a split, as a checkpoint has it: the record to read next, and the
// one at which the partition ends.
type position struct {
	Topic     string `json:"topic"`
	TopicID   string `json:"topicId,omitempty"` // "" where brokers tell none
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	End       int64  `json:"end"` // or endless
}

// endless is the end of a partition without one.
const endless = -1

func (p position) id() string { return fmt.Sprintf("%s-%d", p.Topic, p.Partition) }

func (p position) split() (ops.Split, error) {
	b, err := json.Marshal(p)
	return ops.Split{ID: p.id(), Position: b}, err
}

var (
	_ ops.Source          = (*source)(nil)
	_ ops.Discoverer      = (*source)(nil)
	_ ops.SplitEnumerator = (*enumerator)(nil)
)

// enumerator finds partitions.
type enumerator struct {
	*source
	client *kadm.Client
	state  enumerated
}

// enumerated is what an enumerator knows after a restart.
type enumerated struct {
	Known []string    `json:"known"` // ids
	Left  []ops.Split `json:"left"`
	// Looked says that partitions were looked for once: those that come later are
	// read from their beginning.
	Looked bool `json:"looked"`
	// Topics are the ids of topics.
	Topics map[string]string `json:"topics,omitempty"`
	// Ends are the ends of partitions that have one, by id.
	Ends map[string]position `json:"ends,omitempty"`
}

func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{source: s}
	if state != nil {
		if err := json.Unmarshal(state, &e.state); err != nil {
			return nil, fmt.Errorf("restore the partitions of table %s: %w", s.table.Ident, err)
		}
	}
	_, client, err := s.connect()
	e.client = client
	return e, err
}

// DiscoveryInterval is how often new partitions are looked for.
func (s *source) DiscoveryInterval() time.Duration {
	if s.discovery == 0 {
		return 24 * time.Hour
	}
	return s.discovery
}

// Discover lists partitions and decides of those that are new where they begin and
// end.
func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	if e.state.Looked && (e.Bounded() || e.discovery == 0) {
		return e.Bounded(), nil
	}
	found, err := e.partitions(ctx)
	if err != nil {
		return false, fmt.Errorf("find the partitions of table %s: %w", e.table.Ident, e.passing(err))
	}
	if err := e.place(ctx, found); err != nil {
		return false, fmt.Errorf("offsets of table %s: %w", e.table.Ident, e.passing(err))
	}
	for _, p := range found {
		s, err := p.split()
		if err != nil {
			return false, err
		}
		e.state.Known = append(e.state.Known, s.ID)
		e.state.Left = append(e.state.Left, s)
		if p.End != endless {
			if e.state.Ends == nil {
				e.state.Ends = map[string]position{}
			}
			e.state.Ends[s.ID] = position{Topic: p.Topic, Partition: p.Partition, Offset: max(p.Offset, p.End), End: p.End}
		}
	}
	e.state.Looked = true
	return e.Bounded(), nil
}

// passing marks an error of brokers that may be gone the next time, while partitions are
// read: at the start it is one of the job.
func (e *enumerator) passing(err error) error {
	if e.state.Looked && !errors.Is(err, job.ErrInvalid) && !errors.Is(err, job.ErrUnavailable) {
		return fmt.Errorf("%w: %w", job.ErrUnavailable, err)
	}
	return err
}

// partitions are those that are not known yet, by topic and number.
func (e *enumerator) partitions(ctx context.Context) ([]*position, error) {
	topics, err := e.client.ListTopics(ctx, e.topics...)
	if err != nil {
		return nil, err
	}
	var found []*position
	for _, t := range topics.Sorted() {
		if e.pattern != nil && (t.IsInternal || !e.pattern.MatchString(t.Topic)) {
			continue
		}
		if t.Err != nil {
			if t, err = e.unfit(ctx, t); err != nil {
				return nil, err
			}
		}
		id := idOf(t)
		if err := e.same(t.Topic, id); err != nil {
			return nil, err
		}
		for _, p := range t.Partitions.Sorted() {
			at := &position{Topic: t.Topic, TopicID: id, Partition: p.Partition, End: endless}
			if !slices.Contains(e.state.Known, at.id()) {
				found = append(found, at)
			}
		}
	}
	slices.SortFunc(found, func(a, b *position) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Topic, b.Topic))
	})
	return found, nil
}

// unfit says what is wrong with a topic, unless that has passed.
func (e *enumerator) unfit(ctx context.Context, t kadm.TopicDetail) (kadm.TopicDetail, error) {
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition) && !e.state.Looked:
		return t, fmt.Errorf("%w: there is no topic %s: create it, or mend the option 'topic'", job.ErrInvalid, t.Topic)
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
		now, err := again(ctx, e.client, t.Topic)
		if errors.Is(err, errDeleted) {
			return t, deleted(t.Topic)
		}
		return now, err
	case kerr.IsRetriable(t.Err):
		return t, fmt.Errorf("topic %s: %w", t.Topic, t.Err)
	}
	return t, fmt.Errorf("%w: topic %s: %w", job.ErrInvalid, t.Topic, t.Err)
}

// idOf is the id of a topic, or "".
func idOf(t kadm.TopicDetail) string {
	if t.ID == (kadm.TopicID{}) {
		return ""
	}
	return t.ID.String()
}

// same refuses a topic that is another one of its name.
func (e *enumerator) same(topic, id string) error {
	before := e.state.Topics[topic]
	if before != "" && id != "" && before != id {
		return recreated(topic)
	}
	if e.state.Topics == nil {
		e.state.Topics = map[string]string{}
	}
	if id != "" {
		e.state.Topics[topic] = id
	}
	return nil
}

func recreated(topic string) error {
	return fmt.Errorf("%w: topic %s was deleted and created again: start the job anew, its offsets are those of another topic", job.ErrInvalid, topic)
}

// place sets where partitions begin and end.
func (e *enumerator) place(ctx context.Context, found []*position) error {
	if len(found) == 0 {
		return nil
	}
	start := e.start
	if e.state.Looked {
		start = bound{mode: earliestOffset}
	}
	first, err := e.offsets(ctx, bound{mode: earliestOffset}, found)
	if err != nil {
		return err
	}
	begin, err := e.offsets(ctx, start, found)
	if err != nil {
		return err
	}
	var end []int64
	if e.Bounded() {
		if end, err = e.offsets(ctx, e.end, found); err != nil {
			return err
		}
	}
	for i, p := range found {
		p.Offset = max(begin[i], first[i])
		if end != nil {
			p.End = end[i]
		}
	}
	return nil
}

// offsets asks where a bound is in each of some partitions, again while a broker that
// is to lead one does not know it yet.
func (e *enumerator) offsets(ctx context.Context, b bound, of []*position) ([]int64, error) {
	return backoff.Retry(ctx, func() ([]int64, error) {
		out, err := e.ask(ctx, b, of)
		if err != nil && !kerr.IsRetriable(err) {
			err = backoff.Permanent(err)
		}
		return out, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(asking/20)), backoff.WithMaxElapsedTime(asking))
}

func (e *enumerator) ask(ctx context.Context, b bound, of []*position) ([]int64, error) {
	var topics []string
	for _, p := range of {
		if !slices.Contains(topics, p.Topic) {
			topics = append(topics, p.Topic)
		}
	}
	var listed kadm.ListedOffsets
	var err error
	switch b.mode {
	case groupOffsets:
		return e.committed(ctx, of)
	case specificOffsets:
		return specific(b, of)
	case earliestOffset:
		listed, err = e.client.ListStartOffsets(ctx, topics...)
	case atTimestamp:
		listed, err = e.client.ListOffsetsAfterMilli(ctx, b.millis, topics...)
	case latestOffset, unbounded:
		listed, err = e.client.ListEndOffsets(ctx, topics...)
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", strings.Join(topics, ", "), err)
	}
	out := make([]int64, len(of))
	for i, p := range of {
		o, ok := listed.Lookup(p.Topic, p.Partition)
		if !ok {
			return nil, fmt.Errorf("the brokers do not tell the offsets of partition %d of topic %s", p.Partition, p.Topic)
		}
		if o.Err != nil {
			return nil, fmt.Errorf("partition %d of topic %s: %w", p.Partition, p.Topic, o.Err)
		}
		out[i] = o.Offset
	}
	return out, nil
}

// specific takes offsets from the options. A partition that they do not name begins
// at its first record, and ends at once.
func specific(b bound, of []*position) ([]int64, error) {
	out := make([]int64, len(of))
	for i, p := range of {
		out[i] = b.offsets[p.Partition]
	}
	return out, nil
}

// committed are the offsets of the group, or those that auto.offset.reset says.
func (e *enumerator) committed(ctx context.Context, of []*position) ([]int64, error) {
	group := e.properties["group.id"]
	held, err := e.client.FetchOffsets(ctx, group)
	if err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", group, err)
	}
	out := make([]int64, len(of))
	var missing []*position
	for i, p := range of {
		if o, ok := held.Lookup(p.Topic, p.Partition); ok && o.Err == nil && o.At >= 0 {
			out[i] = o.At
		} else {
			out[i] = endless
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	var reset bound
	switch e.properties["auto.offset.reset"] {
	case "earliest":
		reset.mode = earliestOffset
	case "latest":
		reset.mode = latestOffset
	default:
		return nil, fmt.Errorf("%w: group %s has no offset of partition %d of topic %s: set 'scan.startup.mode' = 'earliest-offset', "+
			"or 'properties.auto.offset.reset' = 'earliest' or 'latest' for such partitions", job.ErrInvalid, group, missing[0].Partition, missing[0].Topic)
	}
	others, err := e.offsets(ctx, reset, missing)
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i] == endless {
			out[i], others = others[0], others[1:]
		}
	}
	return out, nil
}

// Take gives a reader all of its partitions together: partitions are dealt out by
// their number, those of each topic from another reader on, as in Flink.
func (e *enumerator) Take(reader, readers, _ int) []ops.Split {
	var taken, left []ops.Split
	for _, s := range e.state.Left {
		if dealt(s, readers) == reader {
			taken = append(taken, s)
		} else {
			left = append(left, s)
		}
	}
	e.state.Left = left
	return taken
}

func dealt(s ops.Split, readers int) int {
	at := strings.LastIndexByte(s.ID, '-')
	partition, err := strconv.Atoi(s.ID[at+1:])
	if err != nil {
		panic("kafka: split " + s.ID)
	}
	return int((xxh3.HashString(s.ID[:at]) + uint64(partition)) % uint64(readers))
}

func (e *enumerator) Return(splits []ops.Split) {
	for _, s := range splits {
		if !slices.Contains(e.state.Known, s.ID) {
			e.state.Known = append(e.state.Known, s.ID)
		}
	}
	e.state.Left = append(splits[:len(splits):len(splits)], e.state.Left...)
}

func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }

func (e *enumerator) Close() error {
	if e.client != nil {
		e.client.Close()
	}
	return nil
}
