package cost

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/job"
)

// Plan is a job as far as its cost depends on it.
type Plan struct {
	// Stages are those of the job as it is; Wide are those that it has with more
	// than one task, where rows must find theirs.
	Stages, Wide []Stage
	// RowsPerCoreSecond is how many rows at the sources a core carries through the
	// whole job, pipelined.
	RowsPerCoreSecond float64
	// StateBytes is how large the state is, which functions read in every epoch.
	StateBytes int64
	// FunctionMemory is what a function has; 0 means DefaultFunctionMemory.
	FunctionMemory int64
	// RequestTime is how long a request to storage takes.
	RequestTime time.Duration
	// Endless says that sources do not end, and that nobody knows where they end as
	// of now: in functions they are read for as long as an epoch lasts.
	Endless bool
	// Coordinated says that functions have a process that coordinates them also when
	// triggers could begin the epochs.
	Coordinated bool
}

// DefaultFunctionMemory is what the templates give a function: on AWS, a core.
const DefaultFunctionMemory = 1769 << 20

// Stage is a chain of operators: a wave of invocations in functions.
type Stage struct {
	Name   string
	Tasks  int
	Source bool
	// Sink is the connector of its sink, or "".
	Sink string
	// Stateful tasks restore and write state in each epoch; Sends says that
	// another stage reads what they make.
	Stateful, Sends bool
	// Alone says that it has one task, however many others have.
	Alone bool
}

// Load is what comes, and how soon it must be seen.
type Load struct {
	RowsPerSecond float64
	// Freshness is how old a row may be when it is visible at the sinks.
	Freshness time.Duration
}

// PlanOf is the plan of a graph whose rows a core carries at a speed.
func PlanOf(g *job.Graph, rowsPerCoreSecond float64) Plan {
	p := Plan{Stages: stagesOf(g), RowsPerCoreSecond: rowsPerCoreSecond, RequestTime: TypicalRequestTime}
	p.Wide = p.Stages
	wishes := make(map[job.VertexID]int)
	for _, v := range g.Vertices {
		if v.Parallelism == 1 && g.KeyGroups > 1 && g.Scales(v.ID) {
			wishes[v.ID] = 2
		}
	}
	if wide, err := g.Scaled(wishes); err == nil { // otherwise it has one task only
		p.Wide = stagesOf(wide)
	}
	return p
}

func stagesOf(g *job.Graph) (all []Stage) {
	stages := g.Stages()
	at := make(map[job.VertexID]int)
	for i, chains := range stages {
		for _, c := range chains {
			for _, v := range c.Vertices {
				at[v] = i
			}
		}
	}
	sends := make(map[int]bool)
	for _, e := range g.Edges {
		if at[e.From] != at[e.To] {
			sends[at[e.From]] = true
		}
	}
	for i, chains := range stages {
		s := Stage{Tasks: g.Vertices[chains[0].Head()].Parallelism, Sends: sends[i], Alone: !g.Scales(chains[0].Head())}
		var names []string
		for _, c := range chains {
			names = append(names, g.ChainName(c))
			for _, v := range c.Vertices {
				s.add(g, g.Vertices[v])
			}
		}
		s.Name = strings.Join(names, ", ")
		all = append(all, s)
	}
	return all
}

// add notes what a vertex of the stage does.
func (s *Stage) add(g *job.Graph, v job.Vertex) {
	switch v.Kind {
	case job.KindSource:
		s.Source = true
	case job.KindSink:
		s.Sink = connectorOf(v)
	default:
		s.Stateful = s.Stateful || gathers(g, v.ID)
	}
}

// connectorOf is what a sink writes with.
func connectorOf(v job.Vertex) string {
	var config struct{ Table struct{ Connector string } }
	if err := json.Unmarshal(v.Config, &config); err != nil {
		return ""
	}
	return config.Table.Connector
}

// gathers reports whether rows meet at an operator: by key, or all of them. Such
// operators hold state.
func gathers(g *job.Graph, v job.VertexID) bool {
	for _, e := range g.Inputs(v) {
		if e.ByKeys() || e.Partitioning == job.Gather || e.Wide == job.Gather {
			return true
		}
	}
	return false
}

// Tasks is how many tasks the plan has.
func (p Plan) Tasks() (n int) {
	for _, s := range p.Stages {
		n += s.Tasks
	}
	return n
}

// spread are the stages of the plan with so many tasks each, or as many as it has
// if those are more.
func (p Plan) spread(tasks int) []Stage {
	of := p.Stages
	if tasks > 1 {
		of = p.Wide
	}
	all := make([]Stage, len(of))
	for i, s := range of {
		if !s.Alone {
			s.Tasks = max(s.Tasks, tasks)
		}
		all[i] = s
	}
	return all
}
