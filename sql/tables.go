package sql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/catalog"
)

// tables is how the binder sees the session's tables.
type tables struct{ s *Session }

func (t tables) Ident(parts []string) (job.Ident, error) { return t.s.space.Ident(parts) }

func (t tables) Table(ctx context.Context, id job.Ident) (*catalog.Table, error) {
	return t.s.space.Table(ctx, id)
}

func (t tables) Near(ctx context.Context, id job.Ident) []string {
	names, err := t.s.space.Tables(ctx, id.Catalog, id.Database)
	if err != nil {
		return nil // only a suggestion is lost
	}
	return names
}

// Resolve lets the connector check the options and complete the columns.
func (t tables) Resolve(ctx context.Context, jt job.Table) (job.Table, error) {
	c, ok := t.s.registry.Connectors[jt.Connector]
	if !ok {
		known := slices.Sorted(maps.Keys(t.s.registry.Connectors))
		near := nearest.Hint(jt.Connector, known, "'")
		if near == "" {
			near = "; there are " + strings.Join(known, ", ")
		}
		return jt, fmt.Errorf("%w: table %s: no connector '%s'%s", job.ErrInvalid, jt.Ident, jt.Connector, near)
	}
	if err := metadata(c, jt); err != nil {
		return jt, err
	}
	if c.Resolve == nil {
		return jt, nil
	}
	out, err := c.Resolve(ctx, jt)
	if err != nil {
		return out, fmt.Errorf("table %s: %w", jt.Ident, err)
	}
	return out, nil
}

// InOrder asks the connector.
func (t tables) InOrder(connector string) bool {
	c, ok := t.s.registry.Connectors[connector]
	return ok && c.InOrder
}

// metadata refuses columns that the connector does not know how to fill.
func metadata(c *ops.Connector, t job.Table) error {
	if t.Schema.Schema == nil {
		return nil
	}
	for _, f := range t.Schema.Fields() {
		key, ok := f.Metadata.GetValue(ops.MetadataColumn)
		if !ok || slices.Contains(c.Metadata, key) {
			continue
		}
		known := "it has none"
		if len(c.Metadata) > 0 {
			known = "there are " + strings.Join(c.Metadata, ", ")
		}
		return fmt.Errorf("%w: table %s: column %q: connector '%s' has no metadata '%s'; %s", job.ErrInvalid, t.Ident, f.Name, c.Name, key, known)
	}
	return nil
}

// readers are the table functions that read files, with their formats.
var readers = map[string]string{
	"read_parquet": "parquet", "read_csv": "csv", "read_json": "json", "read_arrow": "arrow", "read_avro": "avro",
}

func (t tables) FunctionNames() []string { return slices.Sorted(maps.Keys(readers)) }

// Function makes read_parquet('path', 'key' => 'value') the table
// ('connector' = 'filesystem', 'path' = …, 'format' = 'parquet').
func (t tables) Function(name string, args []string, options map[string]string) (*catalog.Table, bool) {
	format, ok := readers[strings.ToLower(name)]
	if !ok || len(args) != 1 {
		return nil, false
	}
	o := map[string]string{"connector": "filesystem", "path": args[0], "format": format}
	for k, v := range options {
		if !strings.Contains(k, ".") && k != "path" {
			k = format + "." + strings.ReplaceAll(k, "_", "-")
		}
		o[k] = v
	}
	return &catalog.Table{
		Ident:   job.Ident{Name: strings.ToLower(name) + "('" + args[0] + "')"},
		Options: o,
	}, true
}

// kindOf names a statement by its first words.
func kindOf(stmt ast.Statement) string {
	words := strings.Fields(ast.SQL(stmt))
	if len(words) > 2 {
		words = words[:2]
	}
	return strings.Join(words, " ")
}
