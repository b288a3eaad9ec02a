package rest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/engine/metrics"
)

// Groups are the metrics of this process: those of the cluster and its jobs, and
// of the tasks that run in it.
func (s *Server) Groups() []metrics.Group {
	host := []metrics.Label{{Name: "host", Value: s.o.Host}}
	groups := []metrics.Group{{Scope: metrics.JobManager, Labels: host, Metrics: s.metricsOfCluster()}}
	var here []string
	for _, w := range s.cluster.Workers() {
		if w.Here {
			here = append(here, w.ID)
			labels := append(host[:1:1], metrics.Label{Name: "tm_id", Value: w.ID})
			groups = append(groups, metrics.Group{Scope: metrics.TaskManager, Labels: labels, Metrics: metrics.OfProcess(w.Process)})
		}
	}
	for _, j := range s.cluster.Jobs() {
		if !j.Summary().Status.Terminal() {
			groups = append(groups, s.groupsOfJob(j, here)...)
		}
	}
	if s.o.Own != nil {
		groups = append(groups, s.o.Own()...)
	}
	return groups
}

// groupsOfJob are those of a job, and of its tasks that are on these workers.
func (s *Server) groupsOfJob(j Job, here []string) []metrics.Group {
	l, now := j.Life(), s.o.Clock.Now()
	labels := metrics.OfJob(s.o.Host, l.Job, l.Graph.Name)
	groups := []metrics.Group{{Scope: metrics.JobManagerJob, Labels: labels, Metrics: s.metricsOfJob(j, l)}}
	groups = append(groups, commits(j, l, labels)...)
	groups = append(groups, costs(j.Cost(), labels)...)
	if len(here) == 0 {
		return groups
	}
	of := metrics.Job{ID: l.Job, Graph: l.Graph, Counts: j.Counts()}
	for _, v := range verticesOf(l) {
		for _, t := range v.tasks {
			if at := j.Place(t.Task).Worker; slices.Contains(here, at) && !t.Current().Status.Terminal() {
				groups = append(groups, s.rates.Groups(of, v.running(t), at, s.o.Host, now)...)
			}
		}
	}
	return groups
}

// commits are what became of the rows of a job's sinks.
func commits(j Job, l coordinator.Life, labels []metrics.Label) []metrics.Group {
	groups := []metrics.Group{{Scope: metrics.Own, Labels: labels, Metrics: []metrics.Metric{number("job_failures_total", int64(len(l.Failures)+l.Dropped))}}}
	pending := j.Progress().Unpublished
	for _, c := range l.Commits {
		waiting := 0
		for _, u := range pending {
			if u.Sink == c.Sink {
				waiting = u.Epochs
			}
		}
		groups = append(groups, metrics.Group{Scope: metrics.Own, Labels: append(labels[:len(labels):len(labels)], metrics.Label{Name: "sink", Value: c.Sink}), Metrics: []metrics.Metric{
			number("sink_commits_total", int64(c.Done)), number("sink_commit_errors_total", int64(c.Failed)), number("sink_pending_epochs", int64(waiting)),
		}})
	}
	return groups
}

// prometheus is /metrics.
func (s *Server) prometheus(*http.Request) (any, error) {
	return streaming(s.scrape.ServeHTTP), nil
}

func number(name string, n int64) metrics.Metric {
	return metrics.Metric{Name: name, Value: float64(n)}
}

func (s *Server) metricsOfCluster() []metrics.Metric {
	running, total, free := 0, 0, 0
	for _, j := range s.cluster.Jobs() {
		if j.Summary().Status == coordinator.Running {
			running++
		}
	}
	workers := s.cluster.Workers()
	for _, w := range workers {
		total, free = total+w.Slots, free+w.Free
	}
	return append([]metrics.Metric{
		number("numRegisteredTaskManagers", int64(len(workers))), number("numRunningJobs", int64(running)),
		number("taskSlotsAvailable", int64(free)), number("taskSlotsTotal", int64(total)),
	}, metrics.OfProcess(s.process.Read())...)
}

func (s *Server) metricsOfJob(j Job, l coordinator.Life) []metrics.Metric {
	c, now := l.Checkpoints, s.o.Clock.Now()
	all := []metrics.Metric{
		number("numRestarts", int64(l.Restarts)), number("fullRestarts", int64(l.Restarts)), number("numRescales", int64(l.Rescales)),
		number("totalNumberOfCheckpoints", int64(c.Triggered)), number("numberOfCompletedCheckpoints", int64(c.Completed)),
		number("numberOfFailedCheckpoints", int64(c.Failed)), number("numberOfInProgressCheckpoints", int64(c.Triggered-c.Completed-c.Failed)),
	}
	last := struct{ id, took, size, full, at int64 }{-1, -1, -1, -1, -1}
	path := "n/a"
	if done := c.LastCompleted; done != nil {
		last.id, last.took, last.at = int64(done.Epoch), done.Took(done.Ended).Milliseconds(), done.Ended.UnixMilli()
		last.size, last.full = done.Sizes()
		path = below(j.Info().Checkpoints, done.Path)
	}
	restored := int64(-1)
	if r := c.LastRestored; r != nil {
		restored = r.At.UnixMilli()
	}
	all = append(all, number("lastCompletedCheckpointId", last.id), number("lastCheckpointDuration", last.took), number("lastCheckpointSize", last.size),
		number("lastCheckpointFullSize", last.full), number("lastCheckpointCompletedTimestamp", last.at),
		metrics.Metric{Name: "lastCheckpointExternalPath", Text: path}, number("lastCheckpointRestoreTimestamp", restored))
	return append(all, statesOf(l, now)...)
}

// statesOf are the times of a job in each of its states.
func statesOf(l coordinator.Life, now time.Time) []metrics.Metric {
	var all []metrics.Metric
	times := make(map[coordinator.Status]int64)
	for _, status := range []coordinator.Status{coordinator.Initializing, coordinator.Running, coordinator.Restarting, coordinator.Failing, coordinator.Cancelling} {
		name, is := strings.ToLower(status.String()), int64(0)
		if status == l.Status {
			is, times[status] = 1, now.Sub(l.Entered[status]).Milliseconds()
		}
		all = append(all, number(name+"State", is), number(name+"Time", times[status]), number(name+"TimeTotal", times[status]+l.Spent[status].Milliseconds()))
	}
	down := times[coordinator.Restarting] + times[coordinator.Failing]
	return append(all, number("uptime", times[coordinator.Running]), number("downtime", down))
}
