package iceberg

import (
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/write"
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

// spread are the columns by which the rows of a table are divided among the
// tasks of its sink, none when they stay where they are. Only partitions that
// are columns can be told apart before the sink, and tables that rows name.
func spread(t job.Table) []string {
	mode := t.Options["distribution-mode"]
	if mode == "" {
		mode = t.Options["write.distribution-mode"]
	}
	switch {
	case !strings.EqualFold(mode, "hash"):
		return nil
	case catalog.Dynamic(t.Options):
		return []string{t.Options[catalog.OptTableColumn], t.Options[catalog.OptDbColumn]}
	case t.Options[catalog.OptPartitioning] != "":
		return nil
	}
	return t.PartitionedBy
}
