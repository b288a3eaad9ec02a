package wadi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/coordinator/rest"
	"github.com/wadi-engine/wadi/engine/statetable"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql"
)

// suffixes are those that the names of targets can get everywhere.
var suffixes = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// Fork starts a copy of a job beside it, from a checkpoint: the same plan with other
// targets. What the job has staged and not published is the job's.
func (s *Session) Fork(ctx context.Context, id job.ID, f rest.Fork) (rest.Submitted, error) {
	j, ok := s.jobs.find(string(id))
	if !ok {
		return rest.Submitted{}, fmt.Errorf("%w: no job %s", job.ErrInvalid, id)
	}
	if !suffixes.MatchString(f.Suffix) {
		return rest.Submitted{}, fmt.Errorf("%w: the suffix '%s' of the targets: want letters, digits, '_', '-' and '.'", job.ErrInvalid, f.Suffix)
	}
	if f.From == "" {
		if f.From = j.newestCheckpoint(); f.From == "" {
			return rest.Submitted{}, fmt.Errorf("%w: job %s has no checkpoint to start a copy from", job.ErrInvalid, id)
		}
	}
	e, err := s.env(j.run.config, 0)
	if err != nil {
		return rest.Submitted{}, err
	}
	g, err := e.beside(*j.run.graph, f.Suffix)
	if err == nil {
		g.Name = cmp.Or(f.Name, g.Name+f.Suffix)
		err = e.leaveSinks(ctx, f.From, *j.run.graph, g)
	}
	var r *Run
	if err == nil {
		r, err = s.start(ctx, &Pipeline{env: e, plan: &sql.Plan{Graph: g, Bounded: j.run.bounded}}, f.From, "")
	}
	if err != nil {
		_ = e.Close() // it runs nothing
		return rest.Submitted{}, err
	}
	s.group.Go(func() {
		<-r.Done()
		_ = e.Close() // its job has ended
	})
	return submitted(r)[0], nil
}

// newestCheckpoint is the path of the newest checkpoint of a job, or "".
func (s startedJob) newestCheckpoint() string {
	l, ok := s.run.Life()
	if c := l.Checkpoints.LastCompleted; ok && c != nil && c.Path != "" && s.checkpoints != "" {
		return strings.TrimRight(s.checkpoints, "/") + "/" + c.Path
	}
	return ""
}

// beside is a graph whose sinks write to other targets and whose sources read beside
// those of g. A sink that keeps state, such as where its rows are, begins without.
func (e *Env) beside(g job.Graph, suffix string) (job.Graph, error) {
	g.Vertices = slices.Clone(g.Vertices)
	for i := range g.Vertices {
		v := &g.Vertices[i]
		var err error
		switch v.Kind {
		case job.KindSink:
			err = e.besideSink(v, suffix)
			v.UID += suffix
		case job.KindSource:
			err = e.besideSource(v, suffix)
		}
		if err != nil {
			return g, err
		}
	}
	return g, nil
}

func (e *Env) besideSink(v *job.Vertex, suffix string) error {
	of, err := ops.DecodeConfig[ops.SinkConfig](*v)
	if err != nil {
		return err
	}
	c, err := e.registry.Connector(of.Table.Connector)
	if err != nil {
		return err
	}
	if c.Beside == nil {
		return fmt.Errorf("%w: %s: a table of the connector '%s' has no name that could get the suffix '%s', so that a copy of the job would write where the job does",
			job.ErrInvalid, v.Name, c.Name, suffix)
	}
	if of.Table, err = c.Beside(of.Table, suffix); err != nil {
		return err
	}
	of.Table.Ident.Name += suffix
	v.Config, err = json.Marshal(of)
	return err
}

func (e *Env) besideSource(v *job.Vertex, suffix string) error {
	of, err := ops.DecodeConfig[ops.SourceConfig](*v)
	if err != nil {
		return err
	}
	c, err := e.registry.Connector(of.Scan.Table.Connector)
	if err != nil || c.Again == nil {
		return err
	}
	if of.Scan.Table, err = c.Again(of.Scan.Table, suffix); err != nil {
		return err
	}
	v.Config, err = json.Marshal(of)
	return err
}

// leaveSinks lets the state of the sinks of a job go, when the checkpoint has some:
// all other state must have its vertex.
func (e *Env) leaveSinks(ctx context.Context, from string, of, copied job.Graph) error {
	c, err := statetable.Open(ctx, e.openState, from)
	if err != nil {
		return err
	}
	kind := map[string]string{}
	for _, v := range of.Vertices {
		kind[v.UID] = v.Kind
	}
	left := false
	for _, t := range c.Tables() {
		switch {
		case slices.ContainsFunc(copied.Vertices, func(v job.Vertex) bool { return v.UID == t.UID }):
		case kind[t.UID] == job.KindSink:
			left = true
		default:
			return nil // the start says which
		}
	}
	if !left {
		return nil
	}
	return e.Set(keyIgnoreUnclaimed, "true")
}
