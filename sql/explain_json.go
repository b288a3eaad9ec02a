package sql

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/wadi-engine/wadi/job"
)

// executionPlan is the document of EXPLAIN JSON_EXECUTION_PLAN, in Flink's
// shape. Nodes are numbered from 1, inputs before what reads them.
type executionPlan struct {
	Nodes []executionNode `json:"nodes"`
}

type executionNode struct {
	ID           int               `json:"id"`
	Type         string            `json:"type"`
	Pact         string            `json:"pact"`
	Contents     string            `json:"contents"`
	Parallelism  int               `json:"parallelism"`
	Predecessors []executionSource `json:"predecessors,omitempty"`
}

type executionSource struct {
	ID           int    `json:"id"`
	ShipStrategy string `json:"ship_strategy"`
	// Side is first for the first input of a node, and second for the others.
	Side string `json:"side"`
}

// executionJSON describes a graph as the plan that runs.
func executionJSON(g *job.Graph) (string, error) {
	doc := executionPlan{Nodes: make([]executionNode, len(g.Vertices))}
	for i, v := range g.Vertices {
		kind, _, _ := strings.Cut(v.Name, "(")
		n := executionNode{ID: i + 1, Type: kind, Pact: "Operator", Contents: v.Name, Parallelism: v.Parallelism}
		switch v.Kind {
		case job.KindSource:
			n.Type, n.Pact = "Source: "+strings.TrimPrefix(v.UID, "source-"), "Data Source"
		case job.KindSink:
			n.Type, n.Pact = "Sink: "+strings.TrimPrefix(v.UID, "sink-"), "Data Sink"
		}
		for _, e := range g.Inputs(v.ID) {
			side := "second"
			if e.Input == 0 {
				side = "first"
			}
			n.Predecessors = append(n.Predecessors, executionSource{ID: int(e.From) + 1, ShipStrategy: e.Partitioning.String(), Side: side})
		}
		doc.Nodes[i] = n
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the execution plan: %w", err)
	}
	return string(text), nil
}
