package coordinator

import (
	"errors"
	"fmt"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// discover asks the enumerators that are due.
func (m *machine) discover() {
	for i := range m.sources {
		s := &m.sources[i]
		if s.done || s.discovering || m.now.Before(s.next) || m.stopping() {
			continue
		}
		s.discovering = true
		m.do(Discover{Attempt: m.attempt, Source: i})
	}
}

// soon is when an enumerator is asked again that could not reach what it asks.
const soon = 10 * time.Second

func (m *machine) discovered(e Discovered) {
	if m.phase != running || e.Attempt != m.attempt {
		return
	}
	s := &m.sources[e.Source]
	s.discovering = false
	s.next = m.now.Add(m.plan.sources[e.Source].discovers)
	if e.Err != nil {
		err := fmt.Errorf("look for splits of %s: %w", m.graph.Vertices[m.plan.sources[e.Source].vertex].Name, e.Err)
		if s.away.IsZero() {
			s.away = m.now
		}
		if errors.Is(e.Err, job.ErrUnavailable) && (m.durable || m.now.Sub(s.away) < awayLimit) {
			s.problem, s.next = err, m.now.Add(min(m.plan.sources[e.Source].discovers, soon))
			return
		}
		m.failed(err)
		return
	}
	s.done, s.asked, s.problem, s.away = e.Done, true, nil, time.Time{}
	m.take()
}

// awayLimit is how long a job that takes no checkpoints waits for a source that is
// away: somebody looks at it. Others go on when it is back.
const awayLimit = 30 * time.Second

// want notes that a task has room for n splits.
func (m *machine) want(task, n int) {
	t := m.tasks.edit(task)
	if t.source < 0 || t.noMore {
		return
	}
	t.want = n
	m.takeFor(task)
}

// take serves all tasks that wait for splits.
func (m *machine) take() {
	for i := range m.tasks.len() {
		m.takeFor(i)
	}
}

// takeFor asks for splits for a task. Between the snapshot of the enumerators
// and the barrier nothing is handed out: such a split would be in the snapshot,
// and in the task's.
func (m *machine) takeFor(task int) {
	t := m.tasks.at(task)
	if t.source < 0 || t.want == 0 || t.noMore || m.stopping() {
		return
	}
	if m.flight != nil && m.flight.stage == freezing && !m.settings.Bugs.SplitTwice {
		return
	}
	m.do(Take{Attempt: m.attempt, Source: t.source, Task: task, Reader: m.ids[task].Index, N: t.want, Generation: t.generation})
	m.tasks.edit(task).want = 0
}

func (m *machine) taken(e Taken) {
	if m.phase != running || e.Attempt != m.attempt {
		return
	}
	t := m.tasks.edit(e.Task)
	if t.failing || t.generation != e.Generation {
		m.takenBefore(e)
		return
	}
	s := m.sources[t.source]
	switch {
	case s.done && len(e.Splits) < e.Wanted && !t.noMore:
		t.noMore = true
	case len(e.Splits) == 0:
		t.want = max(t.want, e.Wanted) // when there are new ones
		return
	}
	m.handed = true
	m.assign(e.Task, e.Splits, t.noMore)
}
