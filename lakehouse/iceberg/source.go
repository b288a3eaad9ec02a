package iceberg

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

// Source reads one snapshot of a table: bounded. Its splits are runs of row
// groups of the snapshot's data files, with the delete files that apply to them.
// The snapshot is chosen when the enumerator first looks; all splits are of it,
// whatever is committed meanwhile.
type Source struct {
	env      Env
	target   target
	schema   *ice.Schema   // of the table, by which the columns were found
	read     []projected   // the columns to read
	declared *arrow.Schema // of the batches
	filter   expr.Expr     // a hint over them, or nil
}

var _ ops.Source = (*Source)(nil)

func newSource(ctx context.Context, scan ops.Scan, env Env) (*Source, error) {
	to, err := parseTarget(scan.Table)
	if err != nil {
		return nil, err
	}
	if dynamic(scan.Table.Options) {
		return nil, fmt.Errorf("table %s: %w: a table with '%s' is written only", scan.Table.Ident, job.ErrInvalid, optDynamic)
	}
	s := &Source{env: env, target: to}
	if scan.Filter != nil {
		s.filter = scan.Filter.Expr
	}
	c, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	t, err := c.load(ctx, to.database, to.table)
	if err != nil {
		return nil, err
	}
	s.schema = t.Schema()
	if err := s.bind(scan); err != nil {
		return nil, fmt.Errorf("table %s: %w", to, err)
	}
	return s, nil
}

// bind finds the columns of a scan in the table. What the table is declared
// with gives their types.
func (s *Source) bind(scan ops.Scan) error {
	there, err := toEngine(s.schema)
	if err != nil {
		return err
	}
	declared := scan.Table.Schema.Schema
	if declared == nil || declared.NumFields() == 0 {
		declared = there
	}
	paths := scan.Columns
	if paths == nil {
		for _, f := range declared.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	fields := make([]arrow.Field, len(paths))
	for i, path := range paths {
		want, err := lookup(declared, path)
		if err != nil {
			return err
		}
		have, err := lookup(there, path)
		if err != nil {
			return err
		}
		if err := convertible(have.Type, want.Type); err != nil {
			return fmt.Errorf("column %q: %w", strings.Join(path, "."), err)
		}
		chain, err := resolvePath(s.schema.Fields(), path)
		if err != nil {
			return err
		}
		fields[i] = want
		s.read = append(s.read, projected{path: chain, engine: have})
	}
	s.declared = arrow.NewSchema(fields, nil)
	return nil
}

// lookup finds the field at a path; it is nullable when any parent is.
func lookup(schema *arrow.Schema, path []string) (arrow.Field, error) {
	fields, nullable := schema.Fields(), false
	for depth, name := range path {
		at := slices.IndexFunc(fields, func(f arrow.Field) bool { return f.Name == name })
		if at < 0 {
			return arrow.Field{}, fmt.Errorf("%w: there is no column %q; there are %q", job.ErrInvalid, strings.Join(path[:depth+1], "."), names(schema))
		}
		f := fields[at]
		nullable = nullable || f.Nullable
		if depth == len(path)-1 {
			f.Nullable, f.Name = nullable, strings.Join(path, ".")
			return f, nil
		}
		st, ok := f.Type.(*arrow.StructType)
		if !ok {
			return f, fmt.Errorf("%w: column %q is not a ROW", job.ErrInvalid, strings.Join(path[:depth+1], "."))
		}
		fields = st.Fields()
	}
	return arrow.Field{}, fmt.Errorf("%w: empty path of a column", job.ErrInvalid)
}

func (s *Source) open(ctx context.Context) (*Catalog, error) {
	return Open(ctx, s.target.catalog, s.target.options, s.env)
}

// Schema implements ops.Source.
func (s *Source) Schema() *arrow.Schema { return s.declared }

// Bounded implements ops.Source.
func (s *Source) Bounded() bool { return true }

// Enumerator implements ops.Source.
func (s *Source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	e := &enumerator{source: s}
	if state != nil {
		if err := json.Unmarshal(state, &e.state); err != nil {
			return nil, fmt.Errorf("%w: state of the source of %s: %w", job.ErrInvalid, s.target, err)
		}
	}
	return e, nil
}

// enumerator plans the files of the snapshot once.
type enumerator struct {
	source *Source
	state  struct {
		Planned bool        `json:"planned"`
		Splits  []ops.Split `json:"splits,omitempty"`
	}
}

// position is the Position of a split.
type position struct {
	Snapshot int64 `json:"snapshot"`
	// Spec, Schema and Version are what the task is encoded with: the partition
	// spec of the file, a schema and the table's format version.
	Spec    int    `json:"spec"`
	Schema  int    `json:"schema"`
	Version int    `json:"version"`
	Task    []byte `json:"task"`
	// From and To bound the bytes of the file in which the split's row groups begin.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Group and Row are where to go on, once the split has begun.
	Begun bool  `json:"begun,omitempty"`
	Group int   `json:"group,omitempty"`
	Row   int64 `json:"row,omitempty"`
}

func (e *enumerator) Discover(ctx context.Context) (bool, error) {
	if e.state.Planned {
		return true, nil
	}
	c, err := e.source.open(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	t, err := c.load(ctx, e.source.target.database, e.source.target.table)
	if err != nil {
		return false, err
	}
	splits, err := e.source.plan(ctx, t)
	if err != nil {
		return false, fmt.Errorf("plan the scan of table %s: %w", e.source.target, err)
	}
	e.state.Planned, e.state.Splits = true, splits
	return true, nil
}

// shape finds the spec and the schema with which the task is encoded.
func (p position) shape(t *table.Table) (*ice.PartitionSpec, *ice.Schema, error) {
	for _, schema := range t.Metadata().Schemas() {
		if schema.ID != p.Schema {
			continue
		}
		for _, spec := range t.Metadata().PartitionSpecs() {
			if spec.ID() == p.Spec {
				return &spec, schema, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("%w: the table has lost schema %d or partition spec %d since the scan began", job.ErrInvalid, p.Schema, p.Spec)
}

func (e *enumerator) Take(_, _, n int) []ops.Split {
	n = min(n, len(e.state.Splits))
	out := e.state.Splits[:n:n]
	e.state.Splits = e.state.Splits[n:]
	return out
}

func (e *enumerator) Return(splits []ops.Split) {
	e.state.Splits = append(splits[:len(splits):len(splits)], e.state.Splits...)
}

func (e *enumerator) Snapshot() ([]byte, error) { return json.Marshal(e.state) }
func (e *enumerator) Close() error              { return nil }
