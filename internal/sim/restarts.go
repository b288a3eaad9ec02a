package sim

import (
	"github.com/wadi-engine/wadi/engine/checkpoint"
	"github.com/wadi-engine/wadi/engine/rpc"
	"github.com/wadi-engine/wadi/job"
)

// restarts is what a fleet sees of the attempts at its job.
type restarts struct {
	running map[checkpoint.Generation]map[checkpoint.TaskID]bool
	steady  checkpoint.Generation // the newest all of whose tasks have run
	// fallen are the regions of which a task has failed since they were started.
	fallen map[int]bool
	// due are those that had when a generation was seen first, and started those that
	// were started with it.
	due, started map[checkpoint.Generation]map[int]bool
}

func newRestarts() restarts {
	return restarts{
		running: map[checkpoint.Generation]map[checkpoint.TaskID]bool{}, fallen: map[int]bool{},
		due: map[checkpoint.Generation]map[int]bool{}, started: map[checkpoint.Generation]map[int]bool{},
	}
}

// runs notes that a task runs.
func (r *fleet) runs(g checkpoint.Generation, id checkpoint.TaskID) {
	if r.running[g] == nil {
		r.running[g] = map[checkpoint.TaskID]bool{}
	}
	if r.running[g][id] = true; len(r.running[g]) == r.tasks {
		r.steady = max(r.steady, g)
	}
}

// fell notes that a task has failed.
func (r *fleet) fell(id checkpoint.TaskID) {
	if r.onlyTasks {
		r.fallen[regionOf(r.graph, id)] = true
	}
}

func regionOf(g *job.Graph, id checkpoint.TaskID) int {
	of, _ := g.Regions()
	return of[id.Vertex][id.Index]
}

// deploys notes that tasks are started.
func (r *fleet) deploys(d rpc.Deploy) {
	if r.steadily() && r.steady > 0 && d.Generation > r.steady {
		r.w.violate("tasks were started anew, in generation %d, although only leaders, or connections, have failed", d.Generation)
	}
	if !r.onlyTasks {
		return
	}
	first := len(r.due) == 0
	due := r.due[d.Generation]
	if due == nil {
		due = map[int]bool{}
		_, n := d.Graph.Regions()
		for i := range n {
			due[i] = r.fallen[i] || first
		}
		r.due[d.Generation], r.started[d.Generation] = due, map[int]bool{}
	}
	for _, a := range d.Tasks {
		i := regionOf(d.Graph, a.Task)
		if !due[i] {
			r.w.violate("task %v is started again, in generation %d, although no task of its region has failed", a.Task, d.Generation)
		}
		if started := r.started[d.Generation]; !started[i] { // the first of its tasks
			started[i], r.fallen[i] = true, false
		}
	}
}
