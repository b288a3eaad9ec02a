package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// poller waits for records beside the task, one poll ahead of it.
type poller struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	fetched []kgo.FetchTopicPartition // what the task has not taken
	ready   chan struct{}             // closed when fetched has something
	taken   chan struct{}             // has something when fetched was emptied
}

// mostRecords is how many records a poll returns at the most.
const mostRecords = 64 << 10

func newPoller(client *kgo.Client) *poller {
	ctx, cancel := context.WithCancel(context.Background())
	p := &poller{client: client, cancel: cancel, ready: make(chan struct{}), taken: make(chan struct{}, 1)}
	p.done.Go(func() { p.run(ctx) })
	return p
}

func (p *poller) run(ctx context.Context) {
	for {
		var all []kgo.FetchTopicPartition
		fetches := p.client.PollRecords(ctx, mostRecords)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) > 0 || f.Err != nil {
				all = append(all, f)
			}
		})
		if len(all) == 0 {
			continue
		}
		p.mu.Lock()
		p.fetched = all
		close(p.ready)
		p.mu.Unlock()
		select {
		case <-p.taken:
		case <-ctx.Done():
			return
		}
	}
}

// next returns the records of one partition, or what will be closed when there are
// some.
func (p *poller) next() (*kgo.FetchTopicPartition, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.fetched) == 0 {
		return nil, p.ready
	}
	f := p.fetched[0]
	if p.fetched = p.fetched[1:]; len(p.fetched) == 0 {
		p.ready = make(chan struct{})
		p.taken <- struct{}{}
	}
	return &f, nil
}

func (p *poller) close() {
	p.cancel()
	p.client.Close()
	p.done.Wait()
}
