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
	"github.com/wadi-engine/wadi/sql/datatype"
	"github.com/wadi-engine/wadi/vector/expr"
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

// AsOf asks the connector. A table that stands in a catalog of its own has the
// columns that it had then.
func (t tables) AsOf(ctx context.Context, ct *catalog.Table, at expr.Expr) (*catalog.Table, error) {
	c, ok := t.s.registry.Connectors[ct.Options["connector"]]
	if !ok || c.AsOf == nil {
		return nil, fmt.Errorf("%w: table %s: connector '%s' keeps no versions of a table; FOR SYSTEM_TIME AS OF a constant can read tables of 'iceberg'",
			job.ErrInvalid, ct.Ident, ct.Options["connector"])
	}
	lit, ok := folder(t.s.config.Zone())(at)
	millis, is := int64(0), false
	if ok {
		millis, is = lit.Value.(int64)
	}
	if !is {
		return nil, fmt.Errorf("%w: the time of FOR SYSTEM_TIME AS OF is NULL or cannot be computed", job.ErrInvalid)
	}
	jt, err := c.AsOf(ctx, job.Table{Ident: ct.Ident, Connector: c.Name, Options: ct.Options}, millis)
	if err != nil {
		return nil, err
	}
	out := ct.Clone()
	out.Options = jt.Options
	if !ct.Foreign {
		return out, nil
	}
	out.Columns, out.PrimaryKey = nil, jt.PrimaryKey
	for _, f := range jt.Schema.Fields() {
		dt, ok := datatype.FromField(f)
		if !ok {
			return nil, fmt.Errorf("%w: table %s: column %s has type %v, which SQL does not have", job.ErrInvalid, ct.Ident, f.Name, f.Type)
		}
		out.Columns = append(out.Columns, catalog.Column{Name: f.Name, Type: dt, Kind: ast.PhysicalColumn})
	}
	return out, nil
}

// readers are the table functions that read files, with their formats.
var readers = map[string]string{
	"read_parquet": "parquet", "read_csv": "csv", "read_json": "json", "read_arrow": "arrow", "read_avro": "avro",
	"read_iceberg": "iceberg",
}

// stateFunc is the table function that reads a table of a checkpoint.
const stateFunc = "STATE"

func (t tables) FunctionNames() []string { return append(slices.Sorted(maps.Keys(readers)), stateFunc) }

// Function makes read_parquet('path', 'key' => 'value') the table
// ('connector' = 'filesystem', 'path' = …, 'format' = 'parquet'), and read_iceberg
// a table of the connector iceberg. STATE('path', 'uid', 'table') is a table of the
// connector savepoint.
func (t tables) Function(name string, args []string, options map[string]string) (*catalog.Table, bool) {
	if strings.EqualFold(name, stateFunc) {
		return stateOf(args, options), true
	}
	format, ok := readers[strings.ToLower(name)]
	if !ok || len(args) != 1 {
		return nil, false
	}
	o := map[string]string{"connector": "filesystem", "path": args[0], "format": format}
	if format == "iceberg" { // a table, not a format of files
		o = map[string]string{"connector": format, "path": args[0]}
	}
	for k, v := range options {
		if format == "iceberg" {
			if !strings.Contains(k, ".") {
				k = strings.ReplaceAll(k, "_", "-")
			}
			o[k] = v
			continue
		}
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

// stateOf is the table that STATE reads; the connector says what is missing.
func stateOf(args []string, options map[string]string) *catalog.Table {
	o := map[string]string{"connector": "savepoint"}
	maps.Copy(o, options)
	for i, key := range []string{"state.path", "operator.uid", "state.table"} {
		if i < len(args) {
			o[key] = args[i]
		}
	}
	return &catalog.Table{Ident: job.Ident{Name: stateFunc + "('" + strings.Join(args, "', '") + "')"}, Options: o}
}

// kindOf names a statement by its first words.
func kindOf(stmt ast.Statement) string {
	words := strings.Fields(ast.SQL(stmt))
	if len(words) > 2 {
		words = words[:2]
	}
	return strings.Join(words, " ")
}
