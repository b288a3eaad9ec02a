package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/coordinator"
	"github.com/wadi-engine/wadi/job"
)

// JobPlan is the reply of /jobs/:jobid/plan.
type JobPlan struct {
	Plan Plan `json:"plan"`
}

// Plan is the graph of a job.
type Plan struct {
	ID    job.ID     `json:"jid"`
	Name  string     `json:"name"`
	Type  string     `json:"type"`
	Nodes []PlanNode `json:"nodes"`
}

// PlanNode is a vertex of a Plan.
type PlanNode struct {
	ID          string         `json:"id"`
	Parallelism int            `json:"parallelism"`
	Operator    string         `json:"operator"`
	Strategy    string         `json:"operator_strategy"`
	Description string         `json:"description"`
	Inputs      []PlanInput    `json:"inputs,omitempty"`
	Optimizer   map[string]any `json:"optimizer_properties"`
}

// PlanInput is an edge into a PlanNode.
type PlanInput struct {
	Number   int    `json:"num"`
	ID       string `json:"id"`
	Strategy string `json:"ship_strategy"`
	Exchange string `json:"exchange"`
}

// PlanOf is the graph of a job as Flink prints it.
func PlanOf(g *job.Graph, id job.ID, bounded bool) Plan {
	p := Plan{ID: id, Name: g.Name, Type: jobType(bounded)}
	of := map[job.VertexID]string{} // the node of each vertex
	for _, c := range g.Chains() {
		v := vertexOf(g, c)
		for _, id := range c.Vertices {
			of[id] = v.id
		}
		n := PlanNode{
			ID: v.id, Parallelism: v.parallelism, Optimizer: map[string]any{},
			Description: strings.Join(strings.Split(v.name, " -> "), "<br/> -> ") + "<br/>",
		}
		for i, e := range g.Inputs(c.Head()) {
			n.Inputs = append(n.Inputs, PlanInput{Number: i, ID: of[e.From], Strategy: e.Partitioning.String(), Exchange: "pipelined_bounded"})
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

func jobType(bounded bool) string {
	if bounded {
		return "BATCH"
	}
	return "STREAMING"
}

func (s *Server) jobPlan(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	return JobPlan{PlanOf(l.Graph, l.Job, j.Info().Bounded)}, nil
}

// Requirements is the reply of /jobs/:jobid/resource-requirements, by vertex.
type Requirements map[string]Requirement

// Requirement is how many tasks a vertex may have.
type Requirement struct {
	Parallelism struct {
		Lower int `json:"lowerBound"`
		Upper int `json:"upperBound"`
	} `json:"parallelism"`
}

func (s *Server) requirements(r *http.Request) (any, error) {
	_, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	return requirementsOf(l), nil
}

// require changes the parallelism of vertices to the upper bounds of a request.
// It returns before the tasks run.
func (s *Server) require(r *http.Request) (any, error) {
	j, l, err := s.lifeOf(r)
	if err != nil {
		return nil, err
	}
	var q Requirements
	if err := decode(r, &q); err != nil {
		return nil, err
	}
	wishes := make(map[job.VertexID]int)
	vertices := verticesOf(l)
	for id, n := range q {
		i := slices.IndexFunc(vertices, func(v vertex) bool { return v.id == id })
		if i < 0 {
			return nil, notFound("Job vertex %s not found", id)
		}
		p := n.Parallelism
		if p.Lower < 1 || p.Upper < p.Lower {
			return nil, fmt.Errorf("%w: vertex %s: the bounds of its parallelism are %d and %d; want 1 ≤ lowerBound ≤ upperBound", job.ErrInvalid, id, p.Lower, p.Upper)
		}
		for _, v := range vertices[i].chain.Vertices {
			wishes[v] = p.Upper
		}
	}
	return struct{}{}, j.Rescale(r.Context(), wishes)
}

func requirementsOf(l coordinator.Life) Requirements {
	all := Requirements{}
	for _, v := range verticesOf(l) {
		var q Requirement
		q.Parallelism.Lower, q.Parallelism.Upper = v.parallelism, v.parallelism
		all[v.id] = q
	}
	return all
}
