package coordinator

import (
	"fmt"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/stream"
)

// eventTime names the source tasks, and their splits, that hold the event time
// of others.
//
//	orders   12:00:30 ─┐
//	                   ├─► join 09:00:00     it is payments, and its split 3
//	payments 09:00:00 ─┘
func (d *diagnosis) eventTime() {
	told := map[checkpoint.TaskID]bool{}
	for i := range d.chains {
		if len(d.from[i]) == 0 {
			for _, t := range d.tasks[i] {
				d.splits(i, t, told)
			}
			continue
		}
		if !d.timed(i) {
			continue
		}
		low, high := d.extremes(d.from[i])
		if low == nil || high == nil || !apart(low.Watermark, high.Watermark) {
			continue
		}
		source := d.origin(*low)
		if told[source.Task] {
			continue
		}
		told[source.Task] = true
		d.found(d.holdsTime(i, source, *high))
	}
}

// timed reports whether a chain, or what it sends to, waits for event time: most
// operators pass it on and do not look at it.
func (d *diagnosis) timed(chain int) bool {
	seen := map[int]bool{}
	var look func(int) bool
	look = func(i int) bool {
		if seen[i] {
			return false
		}
		seen[i] = true
		for _, v := range d.chains[i].Vertices {
			switch d.Life.Graph.Vertices[v].Kind {
			case "window-agg", "window-emit", "window-assign", "session-agg", "session-assign", "window-join", "interval-join", "temporal-join", "over-stream", "match":
				return true
			}
		}
		return slices.ContainsFunc(d.to[i], look)
	}
	return look(chain)
}

// apart reports whether one event time holds another back. A task without any
// holds those that have one; one at its end holds nobody.
func apart(low, high stream.Timestamp) bool {
	if low == stream.End || high == stream.Start || low >= high {
		return false
	}
	return low == stream.Start || high == stream.End || high-low > behind
}

// extremes is the task with the least event time and the one with the greatest of
// some chains.
func (d *diagnosis) extremes(chains []int) (low, high *TaskEvidence) {
	for _, c := range chains {
		for i := range d.tasks[c] {
			t := &d.tasks[c][i]
			if low == nil || t.Watermark < low.Watermark {
				low = t
			}
			if t.Watermark != stream.End && (high == nil || t.Watermark > high.Watermark) {
				high = t
			}
		}
	}
	return low, high
}

// origin follows the least event time up to a source.
func (d *diagnosis) origin(t TaskEvidence) TaskEvidence {
	seen := map[int]bool{}
	for {
		chain := d.at[t.Task.Vertex]
		if seen[chain] || len(d.from[chain]) == 0 {
			return t
		}
		seen[chain] = true
		low, _ := d.extremes(d.from[chain])
		if low == nil {
			return t
		}
		t = *low
	}
}

func (d *diagnosis) holdsTime(chain int, source, high TaskEvidence) Finding {
	at := d.at[source.Task.Vertex]
	f := Finding{
		Kind: FindingWatermark, Vertex: d.head(at), Tasks: []checkpoint.TaskID{source.Task},
		Title: fmt.Sprintf("%s holds the watermark of %s", d.name(at), d.name(chain)),
		Text:  fmt.Sprintf("Its event time is %s, while %s is at %s.", clockText(source.Watermark), d.name(d.at[high.Task.Vertex]), clockText(high.Watermark)),
	}
	if source.Split != "" {
		f.Text += fmt.Sprintf(" The split that is farthest behind is %s.", source.Split)
	}
	switch {
	case source.Watermark == stream.Start:
		f.Advice = "It has no rows with an event time yet, or the table has no WATERMARK. Windows and joins by time wait for it."
	case source.Idle > blocked:
		f.Advice = "It waits for rows most of the time. SET 'table.exec.source.idle-timeout' lets others go on without it."
	default:
		f.Advice = "It is being read and has farther to go: SET 'scan.watermark.alignment.max-drift' keeps the others from running ahead."
	}
	return f
}

// splits tells of a source task in which one split holds the others.
func (d *diagnosis) splits(chain int, t TaskEvidence, told map[checkpoint.TaskID]bool) {
	if t.Split == "" || !apart(t.Watermark, t.Ahead) || d.over(t.Task) {
		return
	}
	told[t.Task] = true
	f := Finding{
		Kind: FindingWatermark, Vertex: d.head(chain), Tasks: []checkpoint.TaskID{t.Task},
		Title:  fmt.Sprintf("Split %s of %s holds the watermark", t.Split, d.name(chain)),
		Text:   fmt.Sprintf("The task's event time is %s; another of its splits is at %s.", clockText(t.Watermark), clockText(t.Ahead)),
		Advice: "If nothing comes for that split, SET 'table.exec.source.idle-timeout' lets the others go on without it.",
	}
	if t.Blocked < blocked && t.Idle < blocked {
		f.Advice = "It is being read and has farther to go than the others."
	}
	d.found(f)
}

// clockText is an event time as rows show it.
func clockText(t stream.Timestamp) string {
	switch t {
	case stream.Start:
		return "not known yet"
	case stream.End:
		return "at its end"
	}
	return time.UnixMilli(int64(t)).UTC().Format("2006-01-02 15:04:05.000")
}
