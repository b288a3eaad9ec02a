package bind

import (
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/sql/ast"
	"github.com/wadi-engine/wadi/sql/diag"
)

// overwrite is what INSERT OVERWRITE replaces: the partitions that are written,
// or the one that PARTITION names in full, or all of a table without partitions.
func (b *Binder) overwrite(s *ast.Insert, t job.Table) (*job.Overwrite, error) {
	out := &job.Overwrite{Base: b.Base}
	if len(t.PartitionedBy) == 0 {
		return out, nil
	}
	values := map[string]string{}
	for _, p := range s.Partition {
		if p.Value == nil {
			continue
		}
		switch v := p.Value.(type) {
		case *ast.Text:
			values[p.Name] = v.Value
		case *ast.Number:
			values[p.Name] = v.Text
		case *ast.Temporal:
			values[p.Name] = v.Value
		default:
			return nil, diag.At(p.Value.Position(), "PARTITION of INSERT OVERWRITE takes constants: a string, a number or a date")
		}
	}
	for _, name := range t.PartitionedBy {
		if _, ok := values[name]; !ok {
			return out, nil
		}
	}
	out.Partition = values
	return out, nil
}
