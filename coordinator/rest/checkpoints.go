package rest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/stream"
)

// Checkpoints is the reply of /jobs/:jobid/checkpoints.
type Checkpoints struct {
	Counts  CheckpointCounts  `json:"counts"`
	Summary CheckpointSummary `json:"summary"`
	Latest  LatestCheckpoints `json:"latest"`
	History []Checkpoint      `json:"history"`
}

// CheckpointCounts is how many checkpoints there were.
type CheckpointCounts struct {
	Restored   int `json:"restored"`
	Total      int `json:"total"`
	InProgress int `json:"in_progress"`
	Completed  int `json:"completed"`
	Failed     int `json:"failed"`
}

// CheckpointSummary are statistics over the newest that completed.
type CheckpointSummary struct {
	CheckpointedSize  Statistics `json:"checkpointed_size"`
	StateSize         Statistics `json:"state_size"`
	EndToEndMillis    Statistics `json:"end_to_end_duration"`
	AlignmentBuffered Statistics `json:"alignment_buffered"`
	ProcessedData     Statistics `json:"processed_data"`
	PersistedData     Statistics `json:"persisted_data"`
}

// LatestCheckpoints are the newest of each kind.
type LatestCheckpoints struct {
	Completed *Checkpoint         `json:"completed"`
	Savepoint *Checkpoint         `json:"savepoint"`
	Failed    *Checkpoint         `json:"failed"`
	Restored  *RestoredCheckpoint `json:"restored"`
}

// RestoredCheckpoint is what tasks went on from.
type RestoredCheckpoint struct {
	ID        stream.Epoch `json:"id"`
	AtMillis  int64        `json:"restore_timestamp"`
	Savepoint bool         `json:"is_savepoint"`
	Path      string       `json:"external_path"`
}

// Checkpoint is one checkpoint. What an alignment buffers is what barriers overtake,
// and is persisted: what waits behind a barrier waits in its channel.
type Checkpoint struct {
	Class             string                          `json:"className"`
	ID                stream.Epoch                    `json:"id"`
	Status            string                          `json:"status"`
	Savepoint         bool                            `json:"is_savepoint"`
	SavepointFormat   string                          `json:"savepointFormat,omitempty"`
	TriggerMillis     int64                           `json:"trigger_timestamp"`
	LatestAckMillis   int64                           `json:"latest_ack_timestamp"`
	CheckpointedSize  int64                           `json:"checkpointed_size"`
	StateSize         int64                           `json:"state_size"`
	EndToEndMillis    int64                           `json:"end_to_end_duration"`
	AlignmentBuffered int64                           `json:"alignment_buffered"`
	ProcessedData     int64                           `json:"processed_data"`
	PersistedData     int64                           `json:"persisted_data"`
	Subtasks          int                             `json:"num_subtasks"`
	Acknowledged      int                             `json:"num_acknowledged_subtasks"`
	Type              string                          `json:"checkpoint_type"`
	Tasks             map[string]VertexCheckpointSums `json:"tasks"`

	Path          string `json:"external_path,omitempty"`
	Discarded     *bool  `json:"discarded,omitempty"`
	FailureMillis int64  `json:"failure_timestamp,omitempty"`
	Failure       string `json:"failure_message,omitempty"`
}

// VertexCheckpointSums is what the tasks of a vertex have to do with a checkpoint.
type VertexCheckpointSums struct {
	ID                stream.Epoch `json:"id"`
	Status            string       `json:"status"`
	LatestAckMillis   int64        `json:"latest_ack_timestamp"`
	CheckpointedSize  int64        `json:"checkpointed_size"`
	StateSize         int64        `json:"state_size"`
	EndToEndMillis    int64        `json:"end_to_end_duration"`
	AlignmentBuffered int64        `json:"alignment_buffered"`
	ProcessedData     int64        `json:"processed_data"`
	PersistedData     int64        `json:"persisted_data"`
	Subtasks          int          `json:"num_subtasks"`
	Acknowledged      int          `json:"num_acknowledged_subtasks"`
}

func (s *Server) checkpoints(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	c := l.Checkpoints
	reply := Checkpoints{
		Counts: CheckpointCounts{
			Restored: c.Restored, Total: c.Triggered, Completed: c.Completed, Failed: c.Failed, InProgress: c.Triggered - c.Completed - c.Failed,
		},
		Summary: CheckpointSummary{
			CheckpointedSize: statistics(c.Sizes), StateSize: statistics(c.FullSizes), EndToEndMillis: statistics(c.Durations),
			AlignmentBuffered: statistics(c.Persisted), ProcessedData: statistics(c.Processed), PersistedData: statistics(c.Persisted),
		},
		History: []Checkpoint{},
	}
	dir := j.Info().Checkpoints
	one := func(c *coordinator.CheckpointRecord) *Checkpoint {
		if c == nil {
			return nil
		}
		d := s.checkpointOf(l, *c, dir)
		return &d
	}
	reply.Latest = LatestCheckpoints{Completed: one(c.LastCompleted), Savepoint: one(c.LastSavepoint), Failed: one(c.LastFailed)}
	if r := c.LastRestored; r != nil {
		reply.Latest.Restored = &RestoredCheckpoint{ID: r.Epoch, AtMillis: r.At.UnixMilli(), Savepoint: r.Savepoint, Path: below(dir, r.Path)}
	}
	for i := range c.Recent {
		reply.History = append(reply.History, s.checkpointOf(l, c.Recent[i], dir))
	}
	return reply, nil
}

// below is a path below a directory; one that is a URL stands for itself.
func below(dir, path string) string {
	if path == "" || dir == "" || strings.Contains(path, "://") || strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(dir, "/") + "/" + path
}

func (s *Server) checkpointOf(l coordinator.Life, c coordinator.CheckpointRecord, dir string) Checkpoint {
	acked, latest := c.Acked()
	d := Checkpoint{
		ID: c.Epoch, Status: c.Status.String(), Savepoint: c.Kind != stream.Checkpoint, TriggerMillis: c.Triggered.UnixMilli(),
		LatestAckMillis: ackMillis(latest), EndToEndMillis: c.Took(s.o.Clock.Now()).Milliseconds(),
		Subtasks: len(c.Tasks), Acknowledged: acked, Type: typeOf(c), Tasks: map[string]VertexCheckpointSums{},
	}
	d.CheckpointedSize, d.StateSize = c.Sizes()
	d.ProcessedData, d.PersistedData = c.Moved()
	d.AlignmentBuffered = d.PersistedData
	d.Class = strings.ToLower(d.Status)
	if d.Savepoint {
		d.SavepointFormat = "NATIVE"
	}
	switch c.Status {
	case coordinator.CheckpointCompleted:
		discarded := false
		d.Path, d.Discarded = below(dir, c.Path), &discarded
	case coordinator.CheckpointFailed:
		d.FailureMillis, d.Failure = c.Ended.UnixMilli(), c.Failure
	case coordinator.InProgress:
	}
	for _, v := range verticesOf(l) {
		if sums, _ := sumsOf(c, v, s.o.Clock.Now()); sums.Subtasks > 0 {
			d.Tasks[v.id] = sums
		}
	}
	return d
}

func typeOf(c coordinator.CheckpointRecord) string {
	switch c.Kind {
	case stream.Checkpoint:
		if slices.ContainsFunc(c.Tasks, func(t coordinator.TaskCheckpoint) bool { return t.How.Unaligned }) {
			return "UNALIGNED_CHECKPOINT"
		}
		return "CHECKPOINT"
	case stream.Savepoint:
		return "SAVEPOINT"
	case stream.Stop, stream.Drain:
		return "SYNC_SAVEPOINT"
	}
	return "CHECKPOINT"
}

// sumsOf adds up the tasks of a vertex, and returns them.
func sumsOf(c coordinator.CheckpointRecord, v vertex, now time.Time) (VertexCheckpointSums, []coordinator.TaskCheckpoint) {
	part := c
	part.Tasks = nil
	for _, t := range c.Tasks {
		if t.Task.Vertex == v.chain.Head() {
			part.Tasks = append(part.Tasks, t)
		}
	}
	acked, latest := part.Acked()
	sums := VertexCheckpointSums{
		ID: c.Epoch, Status: coordinator.InProgress.String(), LatestAckMillis: ackMillis(latest), Subtasks: len(part.Tasks), Acknowledged: acked,
		EndToEndMillis: c.Took(now).Milliseconds(),
	}
	sums.CheckpointedSize, sums.StateSize = part.Sizes()
	sums.ProcessedData, sums.PersistedData = part.Moved()
	sums.AlignmentBuffered = sums.PersistedData
	switch {
	case acked == len(part.Tasks):
		sums.Status, sums.EndToEndMillis = coordinator.CheckpointCompleted.String(), max(0, latest.Sub(c.Triggered).Milliseconds())
	case c.Status == coordinator.CheckpointFailed:
		sums.Status = c.Status.String()
	}
	return sums, part.Tasks
}

// ackMillis is -1 when nothing was acknowledged.
func ackMillis(at time.Time) int64 {
	if at.IsZero() {
		return -1
	}
	return at.UnixMilli()
}

// checkpointIn finds the checkpoint of a path.
func (s *Server) checkpointIn(r *http.Request) (Job, coordinator.Life, coordinator.CheckpointRecord, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, l, coordinator.CheckpointRecord{}, err
	}
	id, err := pathNumber(r, "checkpointid")
	if err != nil {
		return nil, l, coordinator.CheckpointRecord{}, err
	}
	for _, c := range l.Checkpoints.Recent {
		if c.Epoch == stream.Epoch(id) {
			return j, l, c, nil
		}
	}
	for _, c := range []*coordinator.CheckpointRecord{l.Checkpoints.LastCompleted, l.Checkpoints.LastSavepoint, l.Checkpoints.LastFailed} {
		if c != nil && c.Epoch == stream.Epoch(id) {
			return j, l, *c, nil
		}
	}
	return nil, l, coordinator.CheckpointRecord{}, notFound("Could not find checkpointing statistics for checkpoint %d.", id)
}

func (s *Server) checkpoint(r *http.Request) (any, error) {
	j, l, c, err := s.checkpointIn(r)
	if err != nil {
		return nil, err
	}
	return s.checkpointOf(l, c, j.Info().Checkpoints), nil
}
