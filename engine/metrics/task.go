package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/stream"
)

// Job is a job whose tasks are looked at.
type Job struct {
	ID     job.ID
	Graph  *job.Graph
	Counts []rpc.Count
}

// Running is one task of a job.
type Running struct {
	Chain   job.Chain
	Index   int
	Attempt int
	// Started is when it began to run; zero means that it does not run.
	Started time.Time
}

// Count is what the task has counted at a vertex.
func (j Job) Count(v job.VertexID, index int) (rpc.Count, bool) {
	for _, c := range j.Counts {
		if c.Vertex == v && c.Index == index {
			return c, true
		}
	}
	return rpc.Count{Vertex: v, Index: index, Watermark: stream.Start}, false
}

// Pressure is what a task does with its time; all zero when it does not run.
func (r *Rates) Pressure(j Job, t Running, now time.Time) Rate {
	if t.Started.IsZero() {
		return Rate{}
	}
	head, _ := j.Count(t.Chain.Head(), t.Index)
	return r.Of(j.ID, head, t.Started, now)
}

// Task are the metrics of a task.
func (r *Rates) Task(j Job, t Running, now time.Time) []Metric {
	head, _ := j.Count(t.Chain.Head(), t.Index)
	tail, _ := j.Count(t.Chain.Tail(), t.Index)
	rate := r.Pressure(j, t, now)
	out := rate
	if tail.Vertex != head.Vertex && !t.Started.IsZero() {
		out = r.Of(j.ID, tail, t.Started, now)
	}
	perSecond := func(name string, part float64) Metric { return number(name, int64(part*1000)) }
	all := []Metric{
		number("numRecordsIn", head.In), rounded("numRecordsInPerSecond", rate.In),
		number("numRecordsOut", tail.Out), rounded("numRecordsOutPerSecond", out.Out),
		number("numBytesIn", head.Here.Bytes+head.Elsewhere.Bytes), rounded("numBytesInPerSecond", rate.Here+rate.Elsewhere),
		number("numBytesInLocal", head.Here.Bytes), rounded("numBytesInLocalPerSecond", rate.Here),
		number("numBytesInRemote", head.Elsewhere.Bytes), rounded("numBytesInRemotePerSecond", rate.Elsewhere),
		number("numBuffersInLocal", head.Here.Batches), rounded("numBuffersInLocalPerSecond", rate.BatchesHere),
		number("numBuffersInRemote", head.Elsewhere.Batches), rounded("numBuffersInRemotePerSecond", rate.BatchesElsewhere),
		number("numBytesOut", head.Sent.Bytes), rounded("numBytesOutPerSecond", rate.Sent),
		number("numBuffersOut", head.Sent.Batches), rounded("numBuffersOutPerSecond", rate.BatchesSent),
		perSecond("busyTimeMsPerSecond", rate.Busy),
		perSecond("idleTimeMsPerSecond", rate.Idle),
		perSecond("backPressuredTimeMsPerSecond", rate.Blocked),
		perSecond("softBackPressuredTimeMsPerSecond", 0),
		perSecond("hardBackPressuredTimeMsPerSecond", rate.Blocked),
		number("accumulatedIdleTimeMs", head.IdleMillis),
		number("accumulatedBackPressuredTimeMs", head.BlockedMillis),
		flag("isBackPressured", rate.Blocked > 0.1),
	}
	if q := head.Queue; q != nil {
		all = append(all, number("inputQueueLength", int64(q.Elements)), number("inputQueueSize", q.Bytes), rounded("inPoolUsage", float64(q.Bytes)/float64(max(1, q.Room))))
	}
	if s := head.Sealing; s != nil {
		all = append(all, number("checkpointAlignmentTime", s.AlignmentMillis*int64(time.Millisecond)), number("checkpointStartDelayNanos", s.StartDelayMillis*int64(time.Millisecond)))
	}
	return append(all, watermark("currentInputWatermark", head.Watermark)...)
}

// latency is for how long rows were on their way to a task, if that is measured:
// of each operator of its chain, as there is no way between them.
func (j Job) latency(t Running, v job.Vertex, of []Label) []Group {
	head, _ := j.Count(t.Chain.Head(), t.Index)
	if head.Latency == nil {
		return nil
	}
	labels := append(of[:4:4], Label{"operator_id", ID(v.UID)}, Label{"operator_subtask_index", strconv.Itoa(t.Index)})
	return []Group{{Latency, labels, []Metric{{Name: "latency", Summary: head.Latency}}}}
}

// Latencies are the same, as the REST API shows them among the metrics of a job.
func (j Job) Latencies(t Running) []Metric {
	head, _ := j.Count(t.Chain.Head(), t.Index)
	l := head.Latency
	if l == nil {
		return nil
	}
	var all []Metric
	for _, id := range t.Chain.Vertices {
		scope := "latency.operator_id." + ID(j.Graph.Vertices[id].UID) + ".operator_subtask_index." + strconv.Itoa(t.Index) + ".latency_"
		all = append(all, number(scope+"count", l.Count), number(scope+"min", l.Min), number(scope+"max", l.Max), rounded(scope+"mean", float64(l.Sum)/float64(l.Count)))
		for _, q := range Quantiles(*l) {
			all = append(all, number(scope+q.Name, q.Value))
		}
	}
	return all
}

func rounded(name string, f float64) Metric {
	return Metric{Name: name, Value: float64(int64(f*1000+0.5)) / 1000}
}

// watermark is a watermark, once there is one.
func watermark(name string, at stream.Timestamp) []Metric {
	if at == stream.Start {
		return nil
	}
	return []Metric{number(name, int64(at))}
}

// Operator are the metrics of a vertex of a task's chain: of all that it counts
// in order of their names.
func (r *Rates) Operator(j Job, t Running, v job.VertexID, now time.Time) []Metric {
	c, there := j.Count(v, t.Index)
	if !there {
		return nil
	}
	var rate Rate
	if !t.Started.IsZero() {
		rate = r.Of(j.ID, c, t.Started, now)
	}
	all := []Metric{
		number("numRecordsIn", c.In), rounded("numRecordsInPerSecond", rate.In),
		number("numRecordsOut", c.Out), rounded("numRecordsOutPerSecond", rate.Out),
	}
	switch j.Graph.Vertices[v].Kind {
	case job.KindSource:
		all = append(all, watermark("currentOutputWatermark", c.Watermark)...)
		if c.Watermark != stream.Start && c.Watermark != stream.End {
			all = append(all, number("watermarkLag", now.UnixMilli()-int64(c.Watermark)))
		}
		if c.Pending != nil {
			all = append(all, number("pendingRecords", *c.Pending))
		}
	case job.KindSink:
		all = append(all, number("numRecordsSend", c.In), rounded("numRecordsSendPerSecond", rate.In))
		all = append(all, watermark("currentInputWatermark", c.Watermark)...)
	default:
		all = append(all, watermark("currentInputWatermark", c.Watermark)...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Counters)) {
		all = append(all, number(name, c.Counters[name]))
	}
	return all
}

// Groups are the metrics of a task and of its operators, with labels.
func (r *Rates) Groups(j Job, t Running, worker, host string, now time.Time) []Group {
	head := j.Graph.Vertices[t.Chain.Head()]
	labels := []Label{
		{"host", host},
		{"tm_id", worker},
		{"job_id", string(j.ID)},
		{"job_name", j.Graph.Name},
		{"task_id", ID(head.UID)},
		{"task_name", j.Graph.ChainName(t.Chain)},
		{"subtask_index", strconv.Itoa(t.Index)},
		{"task_attempt_num", strconv.Itoa(t.Attempt)},
	}
	groups := []Group{{Task, labels, r.Task(j, t, now)}}
	for _, id := range t.Chain.Vertices {
		v := j.Graph.Vertices[id]
		of := append(labels[:len(labels):len(labels)], Label{"operator_id", ID(v.UID)}, Label{"operator_name", v.Name})
		if all := r.Operator(j, t, id, now); all != nil {
			groups = append(groups, Group{Operator, of, all})
		}
		groups = append(groups, j.latency(t, v, labels)...)
		if c, _ := j.Count(id, t.Index); c.Letters > 0 || v.Kind == job.KindSource {
			groups = append(groups, Group{Own, of, []Metric{number("dead_letters_total", c.Letters)}})
		}
	}
	return groups
}
