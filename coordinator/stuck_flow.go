package coordinator

import (
	"fmt"
	"slices"
	"time"

	"github.com/wadi-engine/wadi/engine/checkpoint"
)

// pressure names what others wait for room in: a chain that does not wait itself,
// behind one that does.
//
//	source (blocked) ─► join (blocked) ─► sink (busy)      it is the sink
func (d *diagnosis) pressure() {
	for i := range d.chains {
		var waiting []int
		for _, u := range d.from[i] {
			if slices.ContainsFunc(d.tasks[u], isBlocked) {
				waiting = append(waiting, u)
			}
		}
		if len(waiting) == 0 || slices.ContainsFunc(d.tasks[i], isBlocked) {
			continue
		}
		slow := d.busiest(i)
		if slow == nil || !d.slowest(i, waiting) {
			continue
		}
		d.found(Finding{
			Kind: FindingBackpressure, Title: d.name(i) + " holds back what sends to it", Vertex: d.head(i), Tasks: []checkpoint.TaskID{slow.Task},
			Text:   fmt.Sprintf("%s waits for room in it; its busiest task works %.0f%% of the time.", d.names(waiting), slow.Busy*100),
			Advice: adviceForPressure(d.tasks[i], slow.Busy),
		})
	}
}

func isBlocked(t TaskEvidence) bool { return t.Blocked >= blocked }

// slowest reports whether no other chain behind those that wait is busier: what
// sends to two waits for one of them.
func (d *diagnosis) slowest(chain int, waiting []int) bool {
	mine := d.busiest(chain).Busy
	for _, u := range waiting {
		for _, other := range d.to[u] {
			if t := d.busiest(other); other != chain && t != nil && (t.Busy > mine || isBlocked(*t)) {
				return false
			}
		}
	}
	return true
}

func (d *diagnosis) busiest(chain int) *TaskEvidence {
	var most *TaskEvidence
	for i, t := range d.tasks[chain] {
		if most == nil || t.Busy > most.Busy {
			most = &d.tasks[chain][i]
		}
	}
	return most
}

func adviceForPressure(tasks []TaskEvidence, most float64) string {
	sum := 0.0
	for _, t := range tasks {
		sum += t.Busy
	}
	switch mean := sum / float64(len(tasks)); {
	case most < blocked:
		return "It does not work much: what it writes to or asks is slow, or rows come in bursts."
	case len(tasks) > 1 && most > 2*mean:
		return "One of its tasks has most of the work: rows of one key are many. Aggregate in two steps, or spread the key."
	}
	return "Give it more tasks, or profile it to see what it does."
}

// names lists chains.
func (d *diagnosis) names(chains []int) string {
	text := ""
	for i, c := range chains {
		if i > 0 {
			text += ", "
		}
		text += d.name(c)
	}
	return text
}

// barrier names what holds the barrier of a checkpoint that takes long: tasks
// that have not acknowledged it although all that send to them have.
func (d *diagnosis) barrier() {
	recent := d.Life.Checkpoints.Recent
	if len(recent) == 0 || recent[0].Status != InProgress {
		return
	}
	c := recent[0]
	took := d.Now.Sub(c.Triggered)
	if took < max(patience, 3*usual(d.Life.Checkpoints.Durations)) {
		return
	}
	acked, _ := c.Acked()
	f := Finding{
		Kind: FindingCheckpoint, Since: c.Triggered, Title: fmt.Sprintf("Checkpoint %d takes long", c.Epoch),
		Text: fmt.Sprintf("It is under way for %v; %d of %d tasks have acknowledged it. ", took.Round(time.Second), acked, len(c.Tasks)),
	}
	if acked == len(c.Tasks) {
		f.Text += "All that is left is to store what they have told and to claim it: the object store is slow, or away."
		d.found(f)
		return
	}
	chain, tasks := d.holders(c)
	f.Vertex, f.Tasks = d.head(chain), tasks
	f.Title += ": " + d.name(chain) + " holds the barrier"
	senders := d.from[chain]
	switch {
	case len(senders) == 0:
		f.Text += "The source puts the barrier between two batches of rows: it waits for room in what it sends to, or for the rows that it reads."
	default:
		f.Text += fmt.Sprintf("What sends to it (%s) has passed the barrier on: it is in those channels, behind rows, or the task stores its state.", d.names(senders))
	}
	if slices.ContainsFunc(d.tasks[chain], isBlocked) {
		f.Text += " It waits for room in what it sends to."
	} else if t := d.busiest(chain); t != nil {
		f.Text += fmt.Sprintf(" Its busiest task works %.0f%% of the time.", t.Busy*100)
	}
	f.Text += d.before(chain)
	if len(senders) > 0 && !d.Life.Settings.Unaligned {
		f.Text += " With 'execution.checkpointing.unaligned.enabled' = 'true' barriers overtake rows."
	}
	d.found(f)
}

// before is how the slowest task of a chain took part in the last checkpoint that
// completed.
func (d *diagnosis) before(chain int) string {
	last := d.Life.Checkpoints.LastCompleted
	if last == nil {
		return ""
	}
	var slowest *TaskCheckpoint
	for i, t := range last.Tasks {
		if d.at[t.Task.Vertex] == chain && (slowest == nil || t.Acked.After(slowest.Acked)) {
			slowest = &last.Tasks[i]
		}
	}
	if slowest == nil {
		return ""
	}
	h, ms := slowest.How, func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	return fmt.Sprintf(" In checkpoint %d the first barrier came after %v, the last %v later; it stood still for %v to end the epoch, and stored its state in %v.",
		last.Epoch, ms(h.StartDelayMillis), ms(h.AlignmentMillis), ms(h.SyncMillis), ms(h.AsyncMillis))
}

// holders are the tasks of the first chain that has not acknowledged a
// checkpoint although those before it have.
func (d *diagnosis) holders(c CheckpointRecord) (chain int, tasks []checkpoint.TaskID) {
	open := make(map[int][]checkpoint.TaskID)
	for _, t := range c.Tasks {
		if t.Acked.IsZero() {
			i := d.at[t.Task.Vertex]
			open[i] = append(open[i], t.Task)
		}
	}
	for i := range d.chains { // in topological order
		before := slices.ContainsFunc(d.from[i], func(u int) bool { return open[u] != nil })
		if open[i] != nil && !before {
			return i, open[i]
		}
	}
	for i := range d.chains { // a loop: any of them
		if open[i] != nil {
			return i, open[i]
		}
	}
	return 0, nil
}

// usual is the middle of what checkpoints took.
func usual(millis []int64) time.Duration {
	if len(millis) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(millis))
	return time.Duration(sorted[len(sorted)/2]) * time.Millisecond
}
