package sql

import (
	"context"
	"strconv"

	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops/recursion"
	"github.com/wadi-engine/wadi/sql/bind"
	"github.com/wadi-engine/wadi/sql/logical"
)

// recursion makes the table of a query of WITH RECURSIVE: the jobs of its two
// parts are planned on their own, and run when the table is read.
func (s *Session) recursion(ctx context.Context, r bind.Recursion) (job.Table, error) {
	q := recursion.Query{Name: r.Name, Schema: job.Schema{Schema: arrowSchema(r.Schema)}, All: r.All}
	q.MaxIterations, _ = strconv.Atoi(s.config.Get(KeyRecursionSteps)) // both were checked when they were set
	q.MaxBytes, _ = units.ParseSize(s.config.Get(KeyRecursionSize))
	for _, part := range []struct {
		node  logical.Node
		graph *job.Graph
	}{{r.Base, &q.Base}, {r.Step, &q.Step}} {
		res, err := s.lower(ctx, s.collected(part.node, r.Schema))
		if err != nil {
			return job.Table{}, err
		}
		*part.graph = res.Graph
	}
	return q.Table()
}
