package iceberg

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	ice "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/parquet"
)

// The properties of a table that say how its files are written.
const (
	propFormat     = "write.format.default"
	propLevel      = "write.parquet.compression-level"
	propGroupBytes = "write.parquet.row-group-size-bytes"
	propGroupRows  = "write.parquet.row-group-limit"
	propPageBytes  = "write.parquet.page-size-bytes"
	propPageRows   = "write.parquet.page-row-limit"
	propBloom      = "write.parquet.bloom-filter-enabled.column."
	propSpread     = "write.distribution-mode"
	propLocations  = "write.location-provider.impl"
)

// shortNames are the options of Iceberg's sink for Flink that stand for a
// property.
var shortNames = map[string]string{
	"write-format": propFormat, "target-file-size-bytes": optFileSize, "compression-codec": optCodec,
	"compression-level": propLevel, "distribution-mode": propSpread,
	optUpsertHint: optUpsert,
}

// fileOptions are what a table's properties want of its files.
type fileOptions struct {
	fileSize int64
	parquet  parquet.WriterOptions
	metrics  metricModes
}

// fileOptionsOf reads the properties of a table; those that cannot be done are
// refused.
func fileOptionsOf(t *table.Table) (fileOptions, error) {
	p := propertyReader{props: t.Properties()}
	o := fileOptions{
		fileSize: p.number(optFileSize, table.WriteTargetFileSizeBytesDefault),
		parquet: parquet.WriterOptions{
			Compression: codecName(p.props[optCodec]), CompressionLevel: int(p.number(propLevel, 0)),
			RowGroupBytes: p.number(propGroupBytes, 0), RowGroupRows: p.number(propGroupRows, 0),
			PageBytes: int(p.number(propPageBytes, 0)), PageRows: int(p.number(propPageRows, 0)),
		},
	}
	if p.err == nil {
		o.metrics, p.err = newMetricModes(p.props)
	}
	for _, k := range slices.Sorted(maps.Keys(p.props)) {
		if strings.HasPrefix(k, propBloom) && strings.EqualFold(p.props[k], "true") {
			p.refuse(k, "no bloom filters are written; remove the property")
		}
	}
	if v := p.props.Get(propFormat, "parquet"); !strings.EqualFold(v, "parquet") {
		p.refuse(propFormat, "only Parquet files are written; set it to 'parquet'")
	}
	if p.props[propLocations] != "" {
		p.refuse(propLocations, "it names a Java class, which cannot be loaded; use 'write.data.path' or 'write.object-storage.enabled'")
	}
	if v := p.props.Get(propSpread, "none"); !slices.Contains([]string{"none", "hash", "range"}, strings.ToLower(v)) {
		p.refuse(propSpread, "want none, hash or range")
	}
	if p.err == nil {
		p.err = o.parquet.Check()
	}
	return o, p.err
}

// propertyReader reads typed properties and remembers the first bad one.
type propertyReader struct {
	props ice.Properties
	err   error
}

func (p *propertyReader) refuse(key, why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: table property '%s' is %q: %s", job.ErrInvalid, key, p.props[key], why)
	}
}

func (p *propertyReader) number(key string, fallback int64) int64 {
	text := p.props[key]
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		p.refuse(key, "want a positive number")
	}
	return n
}

// tuned is the table as the options of a sink want it to be written: those that
// are Iceberg's properties for writers, or Flink's names of them, win over the
// table's own properties.
func (s *Sink) tuned(t *table.Table) (*table.Table, error) {
	set := ice.Properties{}
	for k, v := range s.target.options {
		if strings.HasPrefix(k, "write.") && t.Properties()[k] != v {
			set[k] = v
		}
	}
	for short, k := range shortNames {
		if v := s.target.options[short]; v != "" {
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
		_, err = fileOptionsOf(t)
	}
	return err
}

// spread are the columns by which the rows of a table are divided among the
// tasks of its sink, none when they stay where they are. Only partitions that
// are columns can be told apart before the sink, and tables that rows name.
func spread(t job.Table) []string {
	mode := t.Options["distribution-mode"]
	if mode == "" {
		mode = t.Options[propSpread]
	}
	switch {
	case !strings.EqualFold(mode, "hash"):
		return nil
	case dynamic(t.Options):
		return []string{t.Options[optTableColumn], t.Options[optDbColumn]}
	case t.Options[optPartitioning] != "":
		return nil
	}
	return t.PartitionedBy
}

// codecName is our writer's name of a codec of Iceberg's.
func codecName(name string) string {
	switch name = strings.ToLower(name); name {
	case "lz4":
		return "lz4_raw"
	case "uncompressed":
		return "none"
	}
	return name
}
