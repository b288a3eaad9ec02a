package sql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/mask"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/ops/join"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// compiledVersion is that of the files of COMPILE PLAN.
const compiledVersion = 1

// compiledFile is a job in a file. Sum is of the bytes of Plan, so that what
// was damaged or edited is not run.
type compiledFile struct {
	Wadi    string          `json:"wadi"` // "plan"
	Version int             `json:"version"`
	Sum     string          `json:"sum"`
	Plan    json.RawMessage `json:"plan"`
}

type compiledPlan struct {
	Graph   job.Graph   `json:"graph"`
	Bounded bool        `json:"bounded"`
	Tables  []job.Ident `json:"tables"`
}

// compilePlan answers COMPILE PLAN and COMPILE AND EXECUTE PLAN; the latter
// runs the file if it is there already.
func (s *Session) compilePlan(ctx context.Context, q *ast.CompilePlan) (Result, error) {
	path, err := planPath(q.Path)
	if err != nil {
		return nil, err
	}
	switch _, err := os.Stat(path); {
	case err == nil && q.Execute:
		return s.readPlan(q.Path)
	case err == nil && q.IfNotExists:
		return ok()
	case err == nil:
		return nil, diag.At(q.Path.Pos, "file '%s' is there already; say IF NOT EXISTS, or remove it", q.Path.Value)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, diag.At(q.Path.Pos, "%s", err)
	}
	var inserts []*ast.Insert
	switch stmt := q.Statement.(type) {
	case *ast.Insert:
		inserts = []*ast.Insert{stmt}
	case *ast.StatementSet:
		inserts = stmt.Inserts
	default:
		return nil, diag.At(q.Statement.Position(), "a plan is compiled for INSERT or STATEMENT SET")
	}
	s.compiling = true
	r, err := s.insertPlan(ctx, inserts)
	s.compiling = false
	if err != nil {
		return nil, err
	}
	p := r.(*Plan)
	if err := withoutSecrets(&p.Graph); err != nil {
		return nil, diag.Wrap(q.Pos, err)
	}
	if err := writePlan(path, p); err != nil {
		return nil, diag.Wrap(q.Path.Pos, err)
	}
	if q.Execute {
		return p, nil
	}
	return ok()
}

// planPath is the file that a statement names.
func planPath(text ast.Text) (string, error) {
	path := strings.TrimPrefix(text.Value, "file://")
	if path == "" || strings.Contains(path, "://") {
		return "", diag.At(text.Pos, "a plan is kept in a file of this machine, not in '%s'", text.Value)
	}
	return path, nil
}

// withoutSecrets refuses a graph whose tables have options that are masked
// where they are shown.
func withoutSecrets(g *job.Graph) error {
	for _, v := range g.Vertices {
		var t job.Table
		switch v.Kind {
		case job.KindSource:
			c, err := ops.DecodeConfig[ops.SourceConfig](v)
			if err != nil {
				return err
			}
			t = c.Scan.Table
		case job.KindSink:
			c, err := ops.DecodeConfig[ops.SinkConfig](v)
			if err != nil {
				return err
			}
			t = c.Table
		case join.LookupKind:
			c, err := ops.DecodeConfig[join.LookupConfig](v)
			if err != nil {
				return err
			}
			t = c.Table.Table
		}
		for _, k := range slices.Sorted(maps.Keys(t.Options)) {
			if mask.Value(k, "") != "" {
				return fmt.Errorf("%w: table %s has the option '%s': a file of its plan would hold the secret", job.ErrInvalid, t.Ident, k)
			}
		}
	}
	return nil
}

// writePlan writes the file beside its place and moves it there, so that a
// file that is there is whole.
func writePlan(path string, p *Plan) error {
	plan, err := json.Marshal(compiledPlan{Graph: p.Graph, Bounded: p.Bounded, Tables: p.Tables})
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	data, err := json.Marshal(compiledFile{Wadi: "plan", Version: compiledVersion, Sum: planSum(plan), Plan: plan})
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	part := path + ".part"
	if err := os.WriteFile(part, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("%w: write plan: %w", job.ErrInvalid, err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("%w: write plan: %w", job.ErrInvalid, err)
	}
	return nil
}

func planSum(plan []byte) string {
	sum := sha256.Sum256(plan)
	return hex.EncodeToString(sum[:])
}

// readPlan answers EXECUTE PLAN.
func (s *Session) readPlan(text ast.Text) (Result, error) {
	path, err := planPath(text)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, diag.At(text.Pos, "%s", err)
	}
	var f compiledFile
	switch err := json.Unmarshal(data, &f); {
	case err != nil || f.Wadi != "plan":
		return nil, diag.At(text.Pos, "file '%s' is no plan of COMPILE PLAN", text.Value)
	case f.Version != compiledVersion:
		return nil, diag.At(text.Pos, "file '%s' has version %d, this program reads %d; compile it again", text.Value, f.Version, compiledVersion)
	case f.Sum != planSum(f.Plan):
		return nil, diag.At(text.Pos, "file '%s' was changed after it was compiled; compile it again", text.Value)
	}
	var p compiledPlan
	if err := json.Unmarshal(f.Plan, &p); err != nil {
		return nil, diag.At(text.Pos, "file '%s': %s", text.Value, err)
	}
	for i := range p.Graph.Vertices {
		if err := s.restamp(&p.Graph.Vertices[i]); err != nil {
			return nil, diag.At(text.Pos, "file '%s': %s", text.Value, err)
		}
	}
	return &Plan{Graph: p.Graph, Bounded: p.Bounded, Tables: p.Tables}, nil
}

// planningTime is where operators keep the time at which they were planned.
const planningTime = "nowMillis"

// restamp makes now the time at which the vertex was planned: what
// CURRENT_TIMESTAMP gives is the time of EXECUTE PLAN.
func (s *Session) restamp(v *job.Vertex) error {
	if v.Kind == job.KindSource || v.Kind == job.KindSink || len(v.Config) == 0 {
		return nil
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(v.Config, &c); err != nil {
		return fmt.Errorf("config of %s: %w", v.Name, err)
	}
	if _, has := c[planningTime]; !has {
		return nil
	}
	c[planningTime] = fmt.Append(nil, s.o.Now())
	config, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("config of %s: %w", v.Name, err)
	}
	v.Config = config
	return nil
}
