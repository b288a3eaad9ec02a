package jdbc

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// position is where a split is read on: a range of the table, behind the row with a
// key, or behind so many rows.
type position struct {
	Range *between `json:"range,omitempty"`
	Key   [][]byte `json:"key,omitempty"`
	Rows  int64    `json:"rows,omitempty"`
}

// query is what is asked for a split, ordered when the job takes checkpoints. Behind
// the columns of the scan stand those of the key.
func (s *source) query(at position, ordered bool) string {
	columns := slices.Clone(s.columns)
	var order []string
	limit := ""
	if ordered {
		if columns, order = append(columns, s.key...), s.key; len(s.key) == 0 {
			for i, c := range s.columns {
				order = append(order, s.dialect.ordered(c, s.schema.Field(i).Type))
			}
			if at.Rows > 0 {
				limit = fmt.Sprintf(" LIMIT %d OFFSET %d", math.MaxInt64, at.Rows)
			}
		}
	}
	if s.limit > 0 && limit == "" {
		limit = fmt.Sprintf(" LIMIT %d", s.limit)
	}
	if len(columns) == 0 {
		columns = []string{"1"}
	}
	text := "SELECT " + strings.Join(columns, ", ") + " FROM " + s.tableName()
	if where := s.where(at); len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	if len(order) > 0 {
		text += " ORDER BY " + strings.Join(order, ", ")
	}
	return text + limit
}

// where are the conditions of a split.
func (s *source) where(at position) []string {
	var all []string
	if at.Range != nil {
		all = append(all, fmt.Sprintf("%s BETWEEN %d AND %d", s.dialect.quote(s.ranges.column), at.Range.Lower, at.Range.Upper))
	}
	if s.condition != "" {
		all = append(all, s.condition)
	}
	if at.Key != nil {
		values := make([]string, len(at.Key))
		for i, v := range at.Key {
			values[i] = s.keyText(s.keyTypes[i], v)
		}
		all = append(all, "("+strings.Join(s.key, ", ")+") > ("+strings.Join(values, ", ")+")")
	}
	return all
}

// keyText is a value of the database in a query.
func (s *source) keyText(t arrow.DataType, v []byte) string {
	switch t.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.DECIMAL128:
		if _, err := strconv.ParseFloat(string(v), 64); err == nil {
			return string(v)
		}
	}
	return s.dialect.text(string(v))
}
