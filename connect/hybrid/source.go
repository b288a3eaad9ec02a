package hybrid

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

var (
	_ ops.Upserting  = (*source)(nil)
	_ ops.Discoverer = (*source)(nil)
)

// source reads its parts, one behind the other.
type source struct {
	scan   ops.Scan // with the columns named
	parts  []part
	inner  []ops.Source
	schema *arrow.Schema
	change change
}

func (c *connector) source(ctx context.Context, scan ops.Scan) (ops.Source, error) {
	parts, err := c.parts(scan.Table)
	if err != nil {
		return nil, err
	}
	s := &source{scan: scan, parts: parts}
	if s.change, err = switchOf(scan.Table, parts); err != nil {
		return nil, err
	}
	if scan.Columns == nil {
		for _, f := range scan.Table.Schema.Fields() {
			s.scan.Columns = append(s.scan.Columns, []string{f.Name})
		}
	}
	for i := range parts {
		inner, err := s.open(ctx, i, s.columns(), nil)
		if err != nil {
			return nil, err
		}
		if i < len(parts)-1 && !inner.Bounded() {
			return nil, fmt.Errorf("%w: table %s: part %s has no end, so %s would never be read: give it one, or name it last",
				job.ErrInvalid, scan.Table.Ident, parts[i].id, parts[i+1].id)
		}
		s.inner = append(s.inner, inner)
	}
	return s, s.agree()
}

// columns are those of the scan, and behind them the one that rows are divided by.
func (s *source) columns() [][]string {
	if s.change.column == "" {
		return s.scan.Columns
	}
	return append(slices.Clone(s.scan.Columns), []string{s.change.column})
}

// open opens columns of a part, with other options besides.
func (s *source) open(ctx context.Context, i int, columns [][]string, more map[string]string) (ops.Source, error) {
	p := s.parts[i]
	scan := ops.Scan{Table: p.table, Columns: columns}
	if p.connector.Filters {
		scan.Filter = s.scan.Filter
	}
	scan.Table.Options = maps.Clone(p.table.Options)
	maps.Copy(scan.Table.Options, more)
	inner, err := p.connector.Source(ctx, scan)
	if err != nil {
		return nil, fmt.Errorf("part %s: %w", p.id, err)
	}
	return inner, nil
}

// agree makes one schema of those of the parts, which differ at most in what may be
// NULL and in metadata.
func (s *source) agree() error {
	fields := slices.Clone(s.inner[0].Schema().Fields()[:len(s.scan.Columns)])
	for i := range fields {
		fields[i].Nullable, fields[i].Metadata = true, arrow.Metadata{}
	}
	for i, inner := range s.inner {
		for k, f := range fields {
			if of := inner.Schema().Field(k).Type; !arrow.TypeEqual(of, f.Type) {
				return fmt.Errorf("%w: table %s: column %q is of type %v in part %s and %v in part %s: declare it so that both can be read",
					job.ErrInvalid, s.scan.Table.Ident, f.Name, f.Type, s.parts[0].id, of, s.parts[i].id)
			}
		}
	}
	s.schema = arrow.NewSchema(fields, nil)
	return nil
}

// Schema implements ops.Source.
func (s *source) Schema() *arrow.Schema { return s.schema }

// Bounded implements ops.Source.
func (s *source) Bounded() bool { return s.inner[len(s.inner)-1].Bounded() }

// Updating implements ops.Updating.
func (s *source) Updating() bool {
	return slices.ContainsFunc(s.inner, func(of ops.Source) bool {
		u, ok := of.(ops.Updating)
		return ok && u.Updating()
	})
}

// Upserts implements ops.Upserting.
func (s *source) Upserts() bool {
	return slices.ContainsFunc(s.inner, func(of ops.Source) bool {
		u, ok := of.(ops.Upserting)
		return ok && u.Upserts()
	})
}

// DiscoveryInterval implements ops.Discoverer: the shortest of the parts.
func (s *source) DiscoveryInterval() (shortest time.Duration) {
	for _, of := range s.inner {
		if d, ok := of.(ops.Discoverer); ok && d.DiscoveryInterval() > 0 && (shortest == 0 || d.DiscoveryInterval() < shortest) {
			shortest = d.DiscoveryInterval()
		}
	}
	return shortest
}

// Reader implements ops.Source.
func (s *source) Reader(ctx context.Context, rt ops.Runtime) (ops.SplitReader, error) {
	r := &reader{source: s, alloc: rt.Allocator(), open: make([]int, len(s.parts))}
	for i, of := range s.inner {
		inner, err := of.Reader(ctx, rt)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("part %s: %w", s.parts[i].id, err), r.Close())
		}
		r.inner = append(r.inner, inner)
	}
	return r, nil
}
