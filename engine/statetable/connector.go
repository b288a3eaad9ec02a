package statetable

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/wadi-engine/wadi/engine/state"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Name is the connector's; it is Flink's for the same thing.
const Name = "savepoint"

// The options of its tables. The first two are Flink's.
const (
	OptionPath  = "state.path"
	OptionUID   = "operator.uid"
	OptionTable = "state.table"
)

// Connector reads the tables of checkpoints and savepoints, found through open.
func Connector(open Opener) *ops.Connector {
	c := &connector{open}
	return &ops.Connector{
		Name: Name,
		Options: []ops.Option{
			{Key: OptionPath, Help: "The path of a checkpoint or savepoint, or of its _metadata."},
			{Key: OptionUID, Help: "The operator, as wadi state show lists it."},
			{Key: OptionTable, Help: "One of its tables."},
		},
		Resolve: c.resolve, Source: c.source, Rows: c.rows, Projects: true,
	}
}

type connector struct{ open Opener }

// find reads the manifest that a table names.
func (c *connector) find(ctx context.Context, t job.Table) (Checkpoint, error) {
	for _, o := range []string{OptionPath, OptionUID, OptionTable} {
		if t.Options[o] == "" {
			return Checkpoint{}, fmt.Errorf("%w: option '%s' is missing; STATE takes a path, an operator and one of its tables, as wadi state show lists them: STATE('/checkpoints/…/chk-42', 'group-1f0c…', 'groups')",
				job.ErrInvalid, o)
		}
	}
	return Open(ctx, c.open, t.Options[OptionPath])
}

// resolve gives a table the columns that its rows have.
func (c *connector) resolve(ctx context.Context, t job.Table) (job.Table, error) {
	k, err := c.find(ctx, t)
	if err != nil {
		return t, err
	}
	parts, err := k.Parts(t.Options[OptionUID], t.Options[OptionTable])
	if err != nil || t.Schema.Schema != nil {
		return t, err
	}
	if len(parts) == 0 {
		return t, fmt.Errorf("%w: table %s of %s has no rows in checkpoint %s, so that nobody knows its columns",
			job.ErrInvalid, t.Options[OptionTable], t.Options[OptionUID], k.Path)
	}
	fields, _, err := state.Fields(ctx, k.Store, parts[0], memory.DefaultAllocator)
	if err != nil {
		return t, err
	}
	t.Schema = job.Schema{Schema: arrow.NewSchema(fields, nil)}
	return t, nil
}

// rows is how many rows there are at the most.
func (c *connector) rows(ctx context.Context, s ops.Scan) ops.Estimate {
	k, err := c.find(ctx, s.Table)
	if err != nil {
		return ops.Estimate{}
	}
	parts, err := k.Parts(s.Table.Options[OptionUID], s.Table.Options[OptionTable])
	if err != nil {
		return ops.Estimate{}
	}
	e := ops.Estimate{Known: true}
	for _, p := range parts {
		for _, r := range p.Runs {
			e.Rows += float64(r.Rows)
		}
	}
	return e
}

func (c *connector) source(_ context.Context, scan ops.Scan) (ops.Source, error) {
	if scan.Table.Schema.Schema == nil {
		return nil, fmt.Errorf("%w: table %s has no columns", job.ErrInvalid, scan.Table.Ident)
	}
	s := &source{connector: c, table: scan.Table}
	var err error
	if s.schema, s.paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	for _, p := range s.paths {
		if !slices.Contains(s.columns, p[0]) {
			s.columns = append(s.columns, p[0])
		}
	}
	return s, nil
}
