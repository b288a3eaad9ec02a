package jdbc

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/internal/deal"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
	"github.com/wadi-engine/wadi/vector/expr"
)

var _ ops.Source = (*source)(nil)

// source is a scan of a table.
type source struct {
	*config
	schema    *arrow.Schema
	columns   []string // of the scan, quoted
	key       []string // of the table, quoted
	keyTypes  []arrow.DataType
	condition string
	limit     int64
}

func open(_ context.Context, scan ops.Scan) (ops.Source, error) {
	s, err := openTable(scan)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func openTable(scan ops.Scan) (*source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	s := &source{config: c, limit: scan.Limit}
	var paths [][]string
	if s.schema, paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	for i, p := range paths {
		if len(p) > 1 {
			return nil, fmt.Errorf("%w: table %s: column %s: rows within rows are not read from databases", job.ErrInvalid, scan.Table.Ident, s.schema.Field(i).Name)
		}
		s.columns = append(s.columns, c.dialect.quote(p[0]))
	}
	for _, k := range scan.Table.PrimaryKey {
		fields, ok := scan.Table.Schema.FieldsByName(k)
		if !ok {
			return nil, fmt.Errorf("%w: table %s has no column %s", job.ErrInvalid, scan.Table.Ident, k)
		}
		s.key, s.keyTypes = append(s.key, c.dialect.quote(k)), append(s.keyTypes, fields[0].Type)
	}
	if scan.Filter != nil {
		p := pusher{dialect: c.dialect, columns: s.columns}
		s.condition = p.and([]expr.Expr{scan.Filter.Expr})
		s.limit = 0 // rows that the filter takes away are not among the first
	}
	_, err = sqlrows.New(s.schema, c.dialect.clean)
	return s, err
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return true }

// Enumerator makes a split for each range.
func (s *source) Enumerator(_ context.Context, state []byte) (ops.SplitEnumerator, error) {
	return deal.NewList(func(context.Context) ([]ops.Split, error) {
		var splits []ops.Split
		for i, r := range s.ranges.cut() {
			p, err := json.Marshal(position{Range: r})
			if err != nil {
				return nil, err
			}
			splits = append(splits, ops.Split{ID: fmt.Sprintf("%s-%d", s.table.Ident, i), Position: p})
		}
		return splits, nil
	}, state)
}
