package schemas

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	ice "github.com/apache/iceberg-go"

	"github.com/wadi-engine/wadi/job"
)

// partitionTerm is one field of the table property 'partitioning', written as
// in Spark: col, identity(col), year(col) or years(col), month, day, hour,
// bucket(16, col), truncate(4, col), void(col).
var partitionTerm = regexp.MustCompile(`^(?:([A-Za-z]+)\(\s*(?:(\d+)\s*,\s*)?([^,()]+?)\s*\)|([^,()]+?))$`)

// PartitionSpec makes the partition spec of a new table from the columns of
// PARTITIONED BY, which are identities, followed by the terms of 'partitioning'.
func PartitionSpec(s *ice.Schema, columns []string, partitioning string) (*ice.PartitionSpec, error) {
	var opts []ice.PartitionOption
	add := func(column, name string, t ice.Transform) error {
		f, ok := s.FindFieldByName(column)
		if !ok {
			return fmt.Errorf("%w: partition column %q is not a column of the table", job.ErrInvalid, column)
		}
		if !t.CanTransform(f.Type) {
			return fmt.Errorf("%w: partitioning: %s cannot be applied to column %q of type %s",
				job.ErrInvalid, t, column, f.Type)
		}
		opts = append(opts, ice.AddPartitionFieldBySourceID(f.ID, name, t, s, nil))
		return nil
	}
	for _, c := range columns {
		if err := add(c, c, ice.IdentityTransform{}); err != nil {
			return nil, err
		}
	}
	for _, term := range splitTerms(partitioning) {
		column, name, t, err := parseTerm(term)
		if err != nil {
			return nil, err
		}
		if err := add(column, name, t); err != nil {
			return nil, err
		}
	}
	spec, err := ice.NewPartitionSpecOpts(opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: partitioning: %w", job.ErrInvalid, err)
	}
	return &spec, nil
}

// splitTerms cuts at commas that stand outside of parentheses.
func splitTerms(text string) []string {
	var terms []string
	depth, start := 0, 0
	for i, c := range text + "," {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && (depth == 0 || i == len(text)):
			if term := strings.TrimSpace(text[start:i]); term != "" {
				terms = append(terms, term)
			}
			start = i + 1
		}
	}
	return terms
}

func parseTerm(term string) (column, name string, t ice.Transform, err error) {
	bad := func(why string) error {
		return fmt.Errorf("%w: partitioning: %q: %s; known are col, year(col), month(col), day(col), hour(col), "+
			"bucket(n, col), truncate(n, col) and void(col)", job.ErrInvalid, term, why)
	}
	m := partitionTerm.FindStringSubmatch(term)
	if m == nil {
		return "", "", nil, bad("not understood")
	}
	if m[4] != "" {
		column = strings.Trim(m[4], "`")
		return column, column, ice.IdentityTransform{}, nil
	}
	column = strings.Trim(m[3], "`")
	width, _ := strconv.Atoi(m[2])
	switch fn := strings.TrimSuffix(strings.ToLower(m[1]), "s"); fn {
	case "bucket", "truncate":
		if width < 1 {
			return "", "", nil, bad(fn + " needs a number above 0")
		}
		if fn == "bucket" {
			return column, column + "_bucket", ice.BucketTransform{NumBuckets: width}, nil
		}
		return column, column + "_trunc", ice.TruncateTransform{Width: width}, nil
	case "identity", "year", "month", "day", "hour", "void":
		if m[2] != "" {
			return "", "", nil, bad(fn + " takes no number")
		}
		if t, err = ice.ParseTransform(fn); err != nil {
			return "", "", nil, bad(err.Error())
		}
		name = column + "_" + fn
		switch fn {
		case "identity":
			name = column
		case "void":
			name = column + "_null"
		}
		return column, name, t, nil
	}
	return "", "", nil, bad("no transform " + strconv.Quote(m[1]))
}

// DescribePartitioning is the inverse of partitionSpec: the identity columns
// when all fields are identities, else the property.
func DescribePartitioning(s *ice.Schema, spec ice.PartitionSpec) (columns []string, partitioning string) {
	var terms []string
	for _, f := range spec.Fields() {
		name, _ := s.FindColumnName(f.SourceID())
		switch t := f.Transform.(type) {
		case ice.IdentityTransform:
			columns = append(columns, name)
			terms = append(terms, name)
		case ice.BucketTransform:
			terms = append(terms, fmt.Sprintf("bucket(%d, %s)", t.NumBuckets, name))
		case ice.TruncateTransform:
			terms = append(terms, fmt.Sprintf("truncate(%d, %s)", t.Width, name))
		default:
			terms = append(terms, fmt.Sprintf("%s(%s)", t, name))
		}
	}
	if len(columns) == len(terms) {
		return columns, ""
	}
	return nil, strings.Join(terms, ", ")
}
