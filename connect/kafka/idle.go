package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wadi-engine/wadi/ops"
)

// idleAtEnd is the option by which a partition is idle when it was read to its end.
const idleAtEnd = "scan.watermark.idle-at-end"

// idling knows which partitions have nothing to read as of now: brokers tell the end with
// the records, and are asked for it where there are none yet.
type idling struct {
	idles bool
	asked []position // partitions of which no record has come
}

// fresh is told of a new partition.
func (i *idling) fresh(p position) {
	if i.idles {
		i.asked = append(i.asked, p)
	}
}

// ended reports whether the records of a fetch were the last ones.
func (i *idling) ended(f *kgo.FetchTopicPartition, at position) bool {
	end := f.LastStableOffset // of those who read what is committed
	if end < 0 {
		end = f.HighWatermark
	}
	return i.idles && at.Offset >= end
}

// asking is how long brokers may take to tell an end.
const asking = 5 * time.Second

// empty tells of a partition that has nothing to begin with.
func (r *reader) empty(ctx context.Context) (ops.Fetched, bool, error) {
	if len(r.asked) == 0 {
		return ops.Fetched{}, false, nil
	}
	topics := map[string]bool{}
	var names []string
	for _, p := range r.asked {
		if !topics[p.Topic] {
			topics[p.Topic] = true
			names = append(names, p.Topic)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	ends, err := r.admin.ListCommittedOffsets(ctx, names...)
	if err != nil {
		r.asked = nil // they are not idle until something is known of them
		return ops.Fetched{}, false, nil
	}
	for len(r.asked) > 0 {
		p := r.asked[0]
		r.asked = r.asked[1:]
		if o, ok := ends.Lookup(p.Topic, p.Partition); ok && o.Err == nil && p.Offset >= o.Offset && r.at[p.id()] == p {
			s, err := p.split()
			return ops.Fetched{After: s, Idle: true}, true, err
		}
	}
	return ops.Fetched{}, false, nil
}

// pausing is partitions that are left alone.
type pausing struct {
	paused map[string]position
	held   []*kgo.FetchTopicPartition // what had come of them
}

// Pause implements ops.Pausing.
func (r *reader) Pause(ids []string) {
	now := map[string]position{}
	for _, id := range ids {
		if p, ok := r.at[id]; ok {
			now[id] = p
		}
	}
	stop, goOn := map[string][]int32{}, map[string][]int32{}
	for id, p := range now {
		if _, already := r.paused[id]; !already {
			stop[p.Topic] = append(stop[p.Topic], p.Partition)
		}
	}
	for id, p := range r.paused {
		if _, still := now[id]; !still {
			goOn[p.Topic] = append(goOn[p.Topic], p.Partition)
		}
	}
	r.paused = now
	if len(stop) > 0 {
		r.poller.client.PauseFetchPartitions(stop)
	}
	if len(goOn) > 0 {
		r.poller.client.ResumeFetchPartitions(goOn)
	}
	if r.fetch != nil && r.isPaused(r.fetch) {
		r.held = append([]*kgo.FetchTopicPartition{r.fetch}, r.held...)
		r.fetch = nil
	}
}

func (r *reader) isPaused(f *kgo.FetchTopicPartition) bool {
	_, ok := r.paused[position{Topic: f.Topic, Partition: f.Partition}.id()]
	return ok && f.Err == nil
}

// next is the next fetch of a partition that is not left alone.
func (r *reader) next() (*kgo.FetchTopicPartition, <-chan struct{}) {
	for i, f := range r.held {
		if !r.isPaused(f) {
			r.held = append(r.held[:i:i], r.held[i+1:]...)
			return f, nil
		}
	}
	for {
		f, ready := r.poller.next()
		if f == nil || !r.isPaused(f) {
			return f, ready
		}
		r.held = append(r.held, f)
	}
}
