package write

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
		fileSize: p.number(table.WriteTargetFileSizeBytesKey, table.WriteTargetFileSizeBytesDefault),
		parquet: parquet.WriterOptions{
			Compression: CodecName(p.props[table.ParquetCompressionKey]), CompressionLevel: int(p.number(propLevel, 0)),
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

// Check refuses a table with properties of its files that cannot be done.
func Check(t *table.Table) error {
	_, err := fileOptionsOf(t)
	return err
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

// CodecName is our writer's name of a codec of Iceberg's.
func CodecName(name string) string {
	switch name = strings.ToLower(name); name {
	case "lz4":
		return "lz4_raw"
	case "uncompressed":
		return "none"
	}
	return name
}
