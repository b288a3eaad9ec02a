package coordinator

import (
	"time"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/stream"
)

// The names of spans, which are Flink's.
const (
	spanCheckpoint = "Checkpoint"
	spanTask       = "Checkpoint_Subtask"
	spanStart      = "JobInitialization"
)

// ended tells of a checkpoint that has completed or failed.
func (h *History) ended(c CheckpointRecord) {
	if h.Span == nil {
		return
	}
	kind := "Checkpoint"
	if c.Kind != stream.Checkpoint {
		kind = "Savepoint"
	}
	size, full := c.Sizes()
	s := h.span(spanCheckpoint, c.Triggered, c.Ended)
	s.Failure = c.Failure
	s.Attributes = append(s.Attributes,
		metrics.Attribute{Name: "checkpointId", Value: int64(c.Epoch)}, metrics.Attribute{Name: "checkpointStatus", Value: c.Status.String()},
		metrics.Attribute{Name: "checkpointType", Value: kind}, metrics.Attribute{Name: "checkpointedSize", Value: size}, metrics.Attribute{Name: "fullSize", Value: full})
	for _, t := range c.Tasks {
		if h.SpanTasks && !t.Acked.IsZero() {
			s.Children = append(s.Children, metrics.Span{Name: spanTask, Start: c.Triggered, End: t.Acked, Attributes: []metrics.Attribute{
				{Name: "vertex", Value: h.life.Graph.Vertices[t.Task.Vertex].UID},
				{Name: "subtask", Value: int64(t.Task.Index)},
				{Name: "checkpointedSize", Value: t.Size},
				{Name: "fullSize", Value: t.Full},
			}})
		}
	}
	h.Span(s)
}

// recovered tells that the job runs, after its start or after a failure.
func (h *History) recovered(now time.Time, was Status) {
	if h.Span == nil || was != Initializing && was != Restarting {
		return
	}
	s := h.span(spanStart, h.life.Entered[was], now)
	s.Attributes = append(s.Attributes, metrics.Attribute{Name: "initializationStatus", Value: "COMPLETED"}, metrics.Attribute{Name: "attempt", Value: int64(h.life.Restarts)})
	if r := h.life.Checkpoints.LastRestored; r != nil {
		s.Attributes = append(s.Attributes, metrics.Attribute{Name: "checkpointId", Value: int64(r.Epoch)})
	}
	if was == Restarting && len(h.life.Failures) > 0 {
		s.Attributes = append(s.Attributes, metrics.Attribute{Name: "cause", Value: h.life.Failures[0].Err.Error()})
	}
	h.Span(s)
}

func (h *History) span(name string, start, end time.Time) metrics.Span {
	return metrics.Span{Name: name, Start: start, End: end, Attributes: []metrics.Attribute{
		{Name: "job_id", Value: string(h.life.Job)}, {Name: "job_name", Value: h.life.Graph.Name},
	}}
}
