package iceberg

import (
	"context"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
	"github.com/wadi-engine/wadi/ops"
)

// tuned is the table as the options of a sink want it to be written: those that
// are Iceberg's properties for writers, or Flink's names of them, win over the
// table's own properties.
func (s *Sink) tuned(t *table.Table) (*table.Table, error) {
	set := ice.Properties{}
	for k, v := range s.target.Options {
		if strings.HasPrefix(k, "write.") && t.Properties()[k] != v {
			set[k] = v
		}
	}
	for short, k := range catalog.ShortNames {
		if v := s.target.Options[short]; v != "" {
			set[k] = v
		}
	}
	if len(set) == 0 {
		return t, nil
	}
	b, err := table.MetadataBuilderFromBase(t.Metadata(), t.MetadataLocation())
	if err != nil {
		return nil, err
	}
	if err := b.SetProperties(set); err != nil {
		return nil, err
	}
	meta, err := b.Build()
	if err != nil {
		return nil, err
	}
	return table.New(t.Identifier(), meta, t.MetadataLocation(), t.FS, nil), nil
}

// checkFiles refuses properties and options that cannot be done.
func (s *Sink) checkFiles(t *table.Table) error {
	t, err := s.tuned(t)
	if err == nil {
		err = write.Check(t)
	}
	return err
}

// spread is how rows are divided among the tasks of a sink of t, as
// write.distribution-mode says. What it follows from, partitions and the sort
// order, is what the catalog or the declaration has told.
func spread(t job.Table) ops.Spread {
	mode := t.Options["distribution-mode"]
	if mode == "" {
		mode = t.Options["write.distribution-mode"]
	}
	mode = strings.ToLower(mode)
	partitions := strings.Join(t.PartitionedBy, ", ")
	if own := t.Options[catalog.OptPartitioning]; own != "" {
		partitions = strings.TrimPrefix(partitions+", "+own, ", ")
	}
	by := partitions
	if order := t.Options[catalog.OptSortOrder]; mode == "range" && order != "" && !strings.EqualFold(order, "none") {
		by = order
	}
	switch {
	case catalog.Dynamic(t.Options):
		if mode == "hash" {
			return ops.Spread{Columns: []string{t.Options[catalog.OptTableColumn], t.Options[catalog.OptDbColumn]}}
		}
	case mode != "hash" && mode != "range" || by == "":
	case mode == "hash" && t.Options[catalog.OptPartitioning] == "":
		return ops.Spread{Columns: t.PartitionedBy}
	default:
		return ops.Spread{Own: mode + "[" + by + "]"}
	}
	return ops.Spread{}
}

// Divider implements ops.Dividing.
func (s *Sink) Divider(ctx context.Context, tasks int) (ops.Divider, error) {
	t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	schema, err := s.fileSchema(t)
	if err == nil {
		t, err = s.tuned(t)
	}
	if err != nil {
		return nil, err
	}
	d, err := write.NewDivider(ctx, t, schema, tasks)
	if d == nil || err != nil {
		return nil, err
	}
	return d, nil
}
