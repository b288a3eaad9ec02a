package schemas

import (
	"fmt"
	"regexp"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
)

// SortOrder is the order that an option gives, such as
// "a DESC NULLS LAST, b"; "" is none. NULLs are the lowest values where
// nothing is said.
func SortOrder(s *ice.Schema, option, text string) (table.SortOrder, error) {
	if text == "" || strings.EqualFold(text, "none") {
		return table.UnsortedSortOrder, nil
	}
	var fields []table.SortField
	for _, part := range splitTerms(text) {
		m := sortText.FindStringSubmatch(part)
		if m == nil {
			return table.SortOrder{}, fmt.Errorf("%w: %s: %q is not a column, ASC or DESC, and NULLS FIRST or LAST", job.ErrInvalid, option, part)
		}
		column, there := s.FindFieldByName(m[1])
		if !there {
			return table.SortOrder{}, fmt.Errorf("%w: %s: the table has no column %q", job.ErrInvalid, option, m[1])
		}
		f := table.SortField{SourceIDs: []int{column.ID}, Transform: ice.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst}
		if strings.EqualFold(m[2], "desc") {
			f.Direction, f.NullOrder = table.SortDESC, table.NullsLast
		}
		switch strings.ToLower(m[3]) {
		case "first":
			f.NullOrder = table.NullsFirst
		case "last":
			f.NullOrder = table.NullsLast
		}
		fields = append(fields, f)
	}
	order, err := table.NewSortOrder(table.InitialSortOrderID, fields)
	if err != nil {
		return order, fmt.Errorf("%w: %s: %w", job.ErrInvalid, option, err)
	}
	return order, nil
}

// DescribeOrder is the text of 'sort-order' for an order; one with transforms
// has them around the column.
func DescribeOrder(s *ice.Schema, o table.SortOrder) string {
	var terms []string
	for _, f := range o.Fields() {
		name, _ := s.FindColumnName(f.SourceID())
		if _, identity := f.Transform.(ice.IdentityTransform); !identity {
			name = f.Transform.String() + "(" + name + ")"
		}
		natural := table.NullsFirst
		if f.Direction == table.SortDESC {
			name += " DESC"
			natural = table.NullsLast
		}
		if f.NullOrder != natural {
			name += " NULLS " + map[table.NullOrder]string{table.NullsFirst: "FIRST", table.NullsLast: "LAST"}[f.NullOrder]
		}
		terms = append(terms, name)
	}
	return strings.Join(terms, ", ")
}

// sortText is one term of a sort order.
var sortText = regexp.MustCompile(`(?i)^\s*([^\s]+)(?:\s+(ASC|DESC))?(?:\s+NULLS\s+(FIRST|LAST))?\s*$`)
