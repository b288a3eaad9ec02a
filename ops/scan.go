package ops

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/job"
)

// Flat gives the columns of a scan and their paths: a field of a ROW becomes a
// column of its own, called by its path.
func (s Scan) Flat() (*arrow.Schema, [][]string, error) {
	all := s.Table.Schema.Schema
	paths := s.Columns
	if paths == nil {
		for _, f := range all.Fields() {
			paths = append(paths, []string{f.Name})
		}
	}
	fields := make([]arrow.Field, len(paths))
	for i, p := range paths {
		level := all.Fields()
		for depth, name := range p {
			f, ok := field(level, name)
			if !ok {
				return nil, nil, fmt.Errorf("%w: table %s has no column %s", job.ErrInvalid, s.Table.Ident, strings.Join(p[:depth+1], "."))
			}
			fields[i] = f
			if st, ok := f.Type.(*arrow.StructType); ok {
				level = st.Fields()
			} else {
				level = nil
			}
		}
		fields[i].Name = strings.Join(p, ".")
		fields[i].Nullable = true
	}
	return arrow.NewSchema(fields, nil), paths, nil
}

func field(fields []arrow.Field, name string) (arrow.Field, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f, true
		}
	}
	return arrow.Field{}, false
}
