package wadi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/engine/metrics"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/job/cost"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
)

// Speed is how many rows at the sources a core carries through a job, and how
// that was found.
type Speed struct {
	RowsPerCoreSecond float64
	From              string
}

// endless reports whether sources of a graph, if they do not end, cannot say where
// they end as of now.
func endless(g *job.Graph) bool {
	return slices.ContainsFunc(edgesOf(g), func(e tableEdge) bool {
		return !e.sink && slices.Contains([]string{"datagen", "nexmark", "nats", "http", "postgres-cdc"}, e.connector)
	})
}

// CostPlan is the job as far as its cost depends on it.
func (p *Pipeline) CostPlan(s Speed) (cost.Plan, error) {
	if p.err != nil {
		return cost.Plan{}, p.err
	}
	plan := cost.PlanOf(&p.plan.Graph, s.RowsPerCoreSecond)
	plan.Endless = !p.plan.Bounded && endless(&p.plan.Graph)
	return plan, nil
}

// Name is the job's pipeline.name.
func (p *Pipeline) Name() string {
	if p.plan == nil {
		return ""
	}
	return p.plan.Graph.Name
}

// Calibrate runs the operators of the job for a while, with one task each, over
// rows that are made and into nothing, and measures how many rows pass in a second
// of a processor. What reading and writing cost is added, as it was measured of
// connectors. The tables of the job are not touched.
func (p *Pipeline) Calibrate(ctx context.Context, while time.Duration) (Speed, error) {
	if p.err != nil {
		return Speed{}, p.err
	}
	plan, made, err := rehearsal(p.plan)
	if err != nil {
		return Speed{}, err
	}
	edges := edgesOf(&p.plan.Graph)
	s := Speed{RowsPerCoreSecond: cost.MiddlingSpeed}
	read, written, cpu, err := p.env.rehearse(ctx, plan, while)
	switch {
	case ctx.Err() != nil:
		return s, context.Cause(ctx)
	case err != nil || read == 0 || cpu <= 0:
		s.From = fmt.Sprintf("%.2g million rows per core-second, as of a query of middling weight: the job cannot be tried with rows that are made", s.RowsPerCoreSecond/1e6)
		if err != nil {
			s.From += " (" + err.Error() + ")"
		}
	default:
		s.RowsPerCoreSecond = float64(read) / cpu.Seconds()
		s.From = fmt.Sprintf("%.3g million rows per core-second, measured now with %s", s.RowsPerCoreSecond/1e6, made)
	}
	each := 1 / s.RowsPerCoreSecond
	for _, e := range edges {
		c, ok := cost.PerRow(e.connector, e.sink)
		if !ok {
			continue
		}
		verb, part := "read", 1.0
		if e.sink {
			verb = "write"
			if read > 0 {
				part = float64(written) / float64(read)
			}
		}
		each += part / c
		s.From += fmt.Sprintf("; %.2g million to %s %s (bench/RESULTS.md)", c/1e6, verb, e.connector)
	}
	s.RowsPerCoreSecond = 1 / each
	return s, nil
}

// tableEdge is a table that a job reads or writes.
type tableEdge struct {
	connector string
	sink      bool
}

// edgesOf are those of a graph, each connector once for reading and writing.
func edgesOf(g *job.Graph) (all []tableEdge) {
	for _, v := range g.Vertices {
		var e tableEdge
		switch v.Kind {
		case job.KindSource:
			c, err := ops.DecodeConfig[ops.SourceConfig](v)
			if err != nil || v.Afresh {
				continue
			}
			e.connector = c.Scan.Table.Connector
		case job.KindSink:
			c, err := ops.DecodeConfig[ops.SinkConfig](v)
			if err != nil {
				continue
			}
			e = tableEdge{c.Table.Connector, true}
		default:
			continue
		}
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	return all
}

// rehearsal is a plan with one task for each vertex that reads rows which are made
// and writes into nothing, and what its rows are.
func rehearsal(p *sql.Plan) (*sql.Plan, string, error) {
	wishes := make(map[job.VertexID]int)
	for _, v := range p.Graph.Vertices {
		wishes[v.ID] = 1
	}
	g, err := p.Graph.Scaled(wishes)
	if err != nil {
		return nil, "", err
	}
	g.Name = "calibration of " + g.Name
	var from []string
	for i := range g.Vertices {
		v := &g.Vertices[i]
		switch v.Kind {
		case job.KindSource:
			c, err := ops.DecodeConfig[ops.SourceConfig](*v)
			if err != nil {
				return nil, "", err
			}
			c.Scan.Table = madeUp(c.Scan.Table)
			c.Scan.Filter, c.Scan.Limit = nil, 0
			from = append(from, c.Scan.Table.Connector)
			if v.Config, err = json.Marshal(c); err != nil {
				return nil, "", fmt.Errorf("source %s: %w", v.UID, err)
			}
		case job.KindSink:
			c, err := ops.DecodeConfig[ops.SinkConfig](*v)
			if err != nil {
				return nil, "", err
			}
			c.Table.Connector, c.Table.Options, c.Table.PartitionedBy, c.Table.Overwrite = "blackhole", nil, nil, nil
			if v.Config, err = json.Marshal(c); err != nil {
				return nil, "", fmt.Errorf("sink %s: %w", v.UID, err)
			}
		}
	}
	slices.Sort(from)
	text := "rows of " + strings.Join(slices.Compact(from), " and ")
	if slices.Contains(from, "datagen") {
		text += " (integers below 10,000, texts of 20 characters)"
	}
	return &sql.Plan{Graph: *g}, text, nil
}

// madeUp is a table of the same columns whose rows are made as fast as they are
// read.
func madeUp(t job.Table) job.Table {
	switch t.Connector {
	case "nexmark":
		t.Options = maps.Clone(t.Options)
		t.Options["rate-limited"] = "false"
		return t
	case "datagen":
		t.Options = maps.Clone(t.Options)
		t.Options["rows-per-second"] = "0"
		return t
	}
	made := job.Table{Ident: t.Ident, Schema: t.Schema, Connector: "datagen", PrimaryKey: t.PrimaryKey, Options: map[string]string{"rows-per-second": "0"}}
	if t.Schema.Schema != nil {
		for _, f := range t.Schema.Fields() {
			few(made.Options, "fields."+f.Name, f.Type)
		}
	}
	return made
}

// few makes values come again, and texts short.
func few(options map[string]string, at string, of arrow.DataType) {
	switch of := of.(type) {
	case *arrow.Int32Type, *arrow.Int64Type, *arrow.Int16Type:
		options[at+".min"], options[at+".max"] = "0", "9999"
	case *arrow.StringViewType, *arrow.BinaryViewType:
		options[at+".length"] = "20"
	case *arrow.StructType:
		for _, f := range of.Fields() {
			few(options, at+"."+f.Name, f.Type)
		}
	}
}

// rehearse runs a plan for a while, or to its end, and tells how many rows it has
// read and written, and for how long this process has had a processor.
func (e *Env) rehearse(ctx context.Context, p *sql.Plan, while time.Duration) (read, written int64, cpu time.Duration, err error) {
	before := metrics.ReadProcess().CPUMillis
	run, err := e.start(ctx, p, launch{restore: RestoreNone, here: true})
	if err != nil {
		return 0, 0, 0, err
	}
	select {
	case <-run.Done():
	case <-time.After(while): //nolint:forbidigo // it is measured by the wall clock
	case <-ctx.Done():
	}
	progress := run.Progress()
	cpu = time.Duration(metrics.ReadProcess().CPUMillis-before) * time.Millisecond
	run.Cancel(errMeasured)
	if res, err := run.Wait(); err != nil && !errors.Is(err, errMeasured) && progress.Read == 0 {
		return 0, 0, 0, fmt.Errorf("%s: %w", res.State, err)
	}
	e.log.Debug("calibration", slog.Int64("rows", progress.Read), slog.Duration("cpu", cpu))
	return progress.Read, progress.Written, cpu, nil
}

var errMeasured = errors.New("it was measured")
