package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/stream"
)

// publish offers to each committer what it has not published, after each checkpoint:
// what it gathers may have become old enough meanwhile, with nothing new beside it.
// With force set, it is to publish everything now.
func (m *machine) publish(force bool) {
	for i := range m.sinks {
		k := &m.sinks[i]
		if k.publishing || len(k.pending) == 0 || m.now.Before(k.retry) {
			continue
		}
		last := k.pending[len(k.pending)-1].Epoch
		if m.manifest != nil {
			last = max(last, m.manifest.Epoch)
		}
		if last <= k.offered && !force && k.failures == 0 {
			continue // the committer gathers
		}
		k.publishing, k.offered, k.retry = true, last, time.Time{}
		m.do(Publish{Sink: i, Pending: k.pending, Force: force || m.stopping() || m.saving() || m.ending != nil || m.allDrained()})
	}
}

// publishAttempts is how often the end of a job tries to publish.
const publishAttempts = 10

func (m *machine) published(e Published) {
	k := &m.sinks[e.Sink]
	k.publishing = false
	if e.Err == nil {
		k.failures, k.problem, k.retry, k.published = 0, nil, time.Time{}, max(k.published, e.Epoch)
		for len(k.pending) > 0 && k.pending[0].Epoch <= e.Epoch {
			k.pending = k.pending[1:]
		}
		return
	}
	k.failures++
	err := fmt.Errorf("publish the rows of sink %s: %w", m.plan.sinks[e.Sink], e.Err)
	k.problem = err
	if !errors.Is(e.Err, job.ErrUnavailable) || (m.phase == settling && k.failures >= publishAttempts) {
		if m.phase == settling {
			m.finish(Failed, fmt.Errorf("%w; they are staged, and resuming the job publishes them", err))
			return
		}
		m.end(Failed, err)
		return
	}
	k.retry = m.now.Add(min(100*time.Millisecond<<min(k.failures, 10), 30*time.Second))
}

// stage is what the manifest of epoch e holds for a sink: what is not known to
// be published, and the receipts of the handles that no checkpoint holds yet.
func (m *machine) stage(sink int, handles []checkpoint.Handle, e stream.Epoch) []ops.Pending {
	uid := m.plan.sinks[sink]
	var last stream.Epoch
	if m.manifest != nil {
		last = m.manifest.Epoch
	}
	p := ops.Pending{Epoch: e}
	for _, h := range handles {
		for _, c := range h.Committables[uid] {
			if c.Epoch <= last || (m.settings.Bugs.SkipAbortedPending && c.Epoch != e) {
				continue
			}
			p.Committables = append(p.Committables, c.Committables...)
		}
	}
	pending := m.sinks[sink].pending
	if m.settings.Bugs.DropPending {
		pending = nil
	}
	if len(p.Committables) == 0 {
		return pending
	}
	return append(pending[:len(pending):len(pending)], p)
}
