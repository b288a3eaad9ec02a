package rest

import (
	"net/http"
	"slices"

	"github.com/wadi-engine/wadi/coordinator"
)

// VertexCheckpoint is the reply of
// /jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid.
type VertexCheckpoint struct {
	VertexCheckpointSums
	Summary  VertexCheckpointSummary `json:"summary"`
	Subtasks []SubtaskCheckpoint     `json:"subtasks"`
}

// VertexCheckpointSummary are statistics over the tasks of a vertex.
type VertexCheckpointSummary struct {
	CheckpointedSize Statistics            `json:"checkpointed_size"`
	StateSize        Statistics            `json:"state_size"`
	EndToEndMillis   Statistics            `json:"end_to_end_duration"`
	Duration         map[string]Statistics `json:"checkpoint_duration"`
	Alignment        map[string]Statistics `json:"alignment"`
	StartDelayMillis Statistics            `json:"start_delay"`
}

// SubtaskCheckpoint is one task; those that have not acknowledged the
// checkpoint have nothing but the first two fields.
type SubtaskCheckpoint struct {
	Class  string `json:"className"`
	Index  int    `json:"index"`
	Status string `json:"status"`

	AckMillis        int64            `json:"ack_timestamp,omitempty"`
	EndToEndMillis   *int64           `json:"end_to_end_duration,omitempty"`
	CheckpointedSize *int64           `json:"checkpointed_size,omitempty"`
	StateSize        *int64           `json:"state_size,omitempty"`
	Checkpoint       map[string]int64 `json:"checkpoint,omitempty"`
	Alignment        map[string]int64 `json:"alignment,omitempty"`
	StartDelayMillis *int64           `json:"start_delay,omitempty"`
	Unaligned        *bool            `json:"unaligned_checkpoint,omitempty"`
	Aborted          *bool            `json:"aborted,omitempty"`
}

func (s *Server) checkpointTasks(r *http.Request) (any, error) {
	_, l, c, err := s.checkpointIn(r)
	if err != nil {
		return nil, err
	}
	id, err := pathID(r, "vertexid")
	if err != nil {
		return nil, err
	}
	all := verticesOf(l)
	i := slices.IndexFunc(all, func(v vertex) bool { return v.id == id })
	if i < 0 {
		return nil, notFound("There is no checkpoint statistics for task %s.", id)
	}
	sums, tasks := sumsOf(c, all[i], s.o.Clock.Now())
	reply := VertexCheckpoint{VertexCheckpointSums: sums, Subtasks: []SubtaskCheckpoint{}}
	var acked []coordinator.TaskCheckpoint
	for _, t := range tasks {
		reply.Subtasks = append(reply.Subtasks, subtaskCheckpoint(c, t))
		if !t.Acked.IsZero() {
			acked = append(acked, t)
		}
	}
	over := func(of func(t coordinator.TaskCheckpoint) int64) Statistics {
		all := make([]int64, len(acked))
		for i, t := range acked {
			all[i] = of(t)
		}
		return statistics(all)
	}
	persisted := over(func(t coordinator.TaskCheckpoint) int64 { return t.How.Persisted })
	reply.Summary = VertexCheckpointSummary{
		CheckpointedSize: over(func(t coordinator.TaskCheckpoint) int64 { return t.Size }),
		StateSize:        over(func(t coordinator.TaskCheckpoint) int64 { return t.Full }),
		EndToEndMillis:   over(func(t coordinator.TaskCheckpoint) int64 { return t.Acked.Sub(c.Triggered).Milliseconds() }),
		Duration: map[string]Statistics{
			"sync":  over(func(t coordinator.TaskCheckpoint) int64 { return t.How.SyncMillis }),
			"async": over(func(t coordinator.TaskCheckpoint) int64 { return t.How.AsyncMillis }),
		},
		Alignment: map[string]Statistics{
			"buffered": persisted, "persisted": persisted,
			"processed": over(func(t coordinator.TaskCheckpoint) int64 { return t.How.Processed }),
			"duration":  over(func(t coordinator.TaskCheckpoint) int64 { return t.How.AlignmentMillis }),
		},
		StartDelayMillis: over(func(t coordinator.TaskCheckpoint) int64 { return t.How.StartDelayMillis }),
	}
	return reply, nil
}

func subtaskCheckpoint(c coordinator.CheckpointRecord, t coordinator.TaskCheckpoint) SubtaskCheckpoint {
	if t.Acked.IsZero() {
		return SubtaskCheckpoint{Class: "pending", Index: t.Task.Index, Status: "pending_or_failed"}
	}
	took, no, how := t.Acked.Sub(c.Triggered).Milliseconds(), false, t.How
	return SubtaskCheckpoint{
		Class: "completed", Index: t.Task.Index, Status: "completed", AckMillis: t.Acked.UnixMilli(), EndToEndMillis: &took, CheckpointedSize: &t.Size, StateSize: &t.Full,
		Checkpoint: map[string]int64{"sync": how.SyncMillis, "async": how.AsyncMillis}, StartDelayMillis: &how.StartDelayMillis, Unaligned: &how.Unaligned, Aborted: &no,
		Alignment: map[string]int64{"buffered": how.Persisted, "processed": how.Processed, "persisted": how.Persisted, "duration": how.AlignmentMillis},
	}
}

// CheckpointConfig is the reply of /jobs/:jobid/checkpoints/config.
type CheckpointConfig struct {
	Mode                 string          `json:"mode"`
	IntervalMillis       int64           `json:"interval"`
	TimeoutMillis        int64           `json:"timeout"`
	MinPauseMillis       int64           `json:"min_pause"`
	MaxConcurrent        int             `json:"max_concurrent"`
	Externalization      Externalization `json:"externalization"`
	Backend              string          `json:"state_backend"`
	Storage              string          `json:"checkpoint_storage"`
	Unaligned            bool            `json:"unaligned_checkpoints"`
	TolerableFailures    int             `json:"tolerable_failed_checkpoints"`
	AlignedTimeoutMillis int64           `json:"aligned_checkpoint_timeout"`
	AfterTasksFinish     bool            `json:"checkpoints_after_tasks_finish"`
	Changelog            bool            `json:"state_changelog_enabled"`
	ChangelogMillis      int64           `json:"changelog_periodic_materialization_interval"`
	ChangelogStorage     string          `json:"changelog_storage"`
}

// Externalization says whether checkpoints outlive their job: they do.
type Externalization struct {
	Enabled        bool `json:"enabled"`
	DeleteOnCancel bool `json:"delete_on_cancellation"`
}

// never is the interval of jobs that take no checkpoints but the last.
const never = 1<<63 - 1

func (s *Server) checkpointConfig(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	c := CheckpointConfig{
		Mode: "EXACTLY_ONCE", IntervalMillis: never, TimeoutMillis: l.Settings.Timeout.Milliseconds(), MinPauseMillis: l.Settings.MinPause.Milliseconds(),
		MaxConcurrent: 1, Externalization: Externalization{Enabled: l.Durable}, Backend: "hashmap", Storage: j.Info().Checkpoints,
		Unaligned: l.Settings.Unaligned, AlignedTimeoutMillis: l.Settings.AlignedTimeout.Milliseconds(),
		TolerableFailures: l.Settings.TolerableFailures, AfterTasksFinish: true,
	}
	if l.Durable && l.Settings.Interval > 0 {
		c.IntervalMillis = l.Settings.Interval.Milliseconds()
	}
	if backend := j.Info().Config["state.backend.type"]; backend != "" {
		c.Backend = backend
	}
	return c, nil
}
