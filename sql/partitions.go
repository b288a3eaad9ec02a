package sql

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// partitions are the names that SHOW PARTITIONS lists: those of the connector
// that have the values of the PARTITION clause.
func (s *Session) partitions(ctx context.Context, q *ast.Show) ([]string, error) {
	t, err := s.table(ctx, q.Name)
	if err != nil {
		return nil, err
	}
	if t.View != nil {
		return nil, diag.At(q.Name.Pos, "%s is a view; SHOW PARTITIONS takes a table", q.Name)
	}
	jt, err := s.binder().JobTable(ctx, t)
	if err != nil {
		return nil, err
	}
	c := s.registry.Connectors[jt.Connector]
	knows := c != nil && c.Partitions != nil
	if !knows && len(t.PartitionedBy) > 0 {
		return nil, diag.At(q.Name.Pos, "the connector '%s' does not know the partitions of its tables", jt.Connector)
	}
	var keys, names []string
	if knows {
		if keys, names, err = c.Partitions(ctx, jt); err != nil {
			return nil, diag.Wrap(q.Name.Pos, err)
		}
	}
	if len(keys) == 0 {
		return nil, diag.At(q.Name.Pos, "table %s is not PARTITIONED BY anything", q.Name)
	}
	for _, p := range q.Partition {
		if !slices.Contains(keys, p.Name) {
			return nil, diag.At(p.Pos, "table %s is not partitioned by %q; it is by %q", q.Name, p.Name, keys)
		}
		if p.Value == nil {
			continue
		}
		want := p.Name + "=" + literalText(p.Value)
		names = slices.DeleteFunc(names, func(n string) bool {
			return !slices.ContainsFunc(strings.Split(n, "/"), func(dir string) bool {
				plain, err := url.PathUnescape(dir)
				return dir == want || err == nil && plain == want
			})
		})
	}
	return names, nil
}

// literalText is a literal without its quotes.
func literalText(e ast.Expr) string {
	text := ast.SQL(e)
	if inner, quoted := strings.CutPrefix(text, "'"); quoted {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	}
	return text
}
