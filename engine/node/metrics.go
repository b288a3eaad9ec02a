package node

import (
	"maps"

	"github.com/wadi-engine/wadi/engine/metrics"
)

// metrics are those of the worker and of all its tasks.
func (s *session) metrics() []metrics.Group {
	groups := []metrics.Group{{
		Scope: metrics.TaskManager, Labels: []metrics.Label{{Name: "host", Value: s.Host}, {Name: "tm_id", Value: s.ID}},
		Metrics: metrics.OfProcess(s.process.Read()),
	}}
	s.mu.Lock()
	jobs := maps.Clone(s.jobs)
	s.mu.Unlock()
	for _, h := range jobs {
		h.mu.Lock()
		w := h.worker
		h.mu.Unlock()
		if w != nil {
			groups = append(groups, w.Metrics(&s.rates, s.ID, s.Host)...)
		}
	}
	return groups
}
