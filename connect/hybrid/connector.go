package hybrid

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/internal/nearest"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// name is the value of the option 'connector'.
const name = "hybrid"

// The options.
const (
	keyParts     = "source-identifiers"
	keyBy        = "switch.by"
	keyTimestamp = "switch.timestamp"
	keyColumn    = "switch.column"
	keyTime      = "switch.watermark"
)

// How it is decided where the last part begins.
const (
	byOffsets   = "offsets"
	byTimestamp = "timestamp"
	byNothing   = "nothing"
)

var options = []ops.Option{
	{Key: keyParts, Help: "The parts in the order in which they are read, separated by commas, such as history,live; '<part>.<option>' is an option of one."},
	{Key: keyBy, Default: byOffsets, Help: "Where the last part begins: offsets (behind those in the columns METADATA FROM 'partition' and 'offset' of the others), timestamp, or nothing: its own options say so."},
	{Key: keyTimestamp, Help: "With timestamp: the time in UTC, as '2026-11-27 00:00:00'; rows before it are taken from the other parts only, rows from then on from the last."},
	{Key: keyColumn, Help: "With timestamp: the column that is compared."},
	{Key: keyTime, Default: "behind", Help: "When event time begins: behind the other parts, which are read in any order, or along with them, whose rows must then come in order."},
	{Key: "scan.watermark.idle-timeout", Help: "After how long without rows a split does not hold the watermark back; otherwise table.exec.source.idle-timeout."},
	{Key: "scan.parallelism", Help: "How many tasks read."},
	{Key: "#", Help: "An option of a part: <part>.connector, and what that connector takes."},
}

// Connector reads tables of the connectors that find knows.
func Connector(find func(name string) (*ops.Connector, error), metadata []string) *ops.Connector {
	c := &connector{find}
	return &ops.Connector{
		Name: name, Options: options, Resolve: c.resolve, Source: c.source, Rows: c.rows,
		Projects: true, Filters: true, Metadata: metadata,
	}
}

type connector struct {
	find func(name string) (*ops.Connector, error)
}

// part is one of the tables.
type part struct {
	id        string
	connector *ops.Connector
	table     job.Table
}

// parts are the tables of t.
func (c *connector) parts(t job.Table) ([]part, error) {
	bad := func(format string, args ...any) ([]part, error) {
		return nil, fmt.Errorf("%w: table %s: "+format, append([]any{job.ErrInvalid, t.Ident}, args...)...)
	}
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return bad("a hybrid table declares its columns")
	}
	var all []part
	for id := range strings.SplitSeq(t.Options[keyParts], ",") {
		id = strings.TrimSpace(id)
		if id == "" || id == "switch" || strings.Contains(id, ".") {
			return bad("option '%s' = '%s': want the names of the parts, such as 'history,live'", keyParts, t.Options[keyParts])
		}
		if slices.ContainsFunc(all, func(p part) bool { return p.id == id }) {
			return bad("option '%s': %s is named twice", keyParts, id)
		}
		all = append(all, part{id: id, table: job.Table{Ident: t.Ident, Schema: t.Schema, PrimaryKey: t.PrimaryKey, Options: map[string]string{}}})
	}
	if len(all) < 2 {
		return bad("option '%s' = '%s': want two parts or more", keyParts, t.Options[keyParts])
	}
	known := append(ops.Keys(options), "connector")
	for _, key := range slices.Sorted(maps.Keys(t.Options)) {
		id, rest, _ := strings.Cut(key, ".")
		at := slices.IndexFunc(all, func(p part) bool { return p.id == id })
		switch {
		case slices.Contains(known, key):
		case at >= 0 && rest != "":
			all[at].table.Options[rest] = t.Options[key]
		default:
			return bad("unknown option '%s'%s: an option of a part begins with its name, of %s", key, nearest.Hint(key, known, "'"), t.Options[keyParts])
		}
	}
	for i := range all {
		p := &all[i]
		kind := p.table.Options["connector"]
		if kind == "" || kind == name {
			return bad("option '%s.connector' = '%s': want the connector of this part", p.id, kind)
		}
		var err error
		if p.connector, err = c.find(kind); err != nil {
			return bad("option '%s.connector': %w", p.id, err)
		}
		if p.connector.Source == nil || !p.connector.Projects {
			return bad("option '%s.connector': connector '%s' cannot be a part", p.id, kind)
		}
		p.table.Connector = kind
		if i < len(all)-1 {
			p.table.PartitionedBy = t.PartitionedBy
			p.table.Schema.Schema = plain(t.Schema.Schema, p.connector)
		}
	}
	return all, nil
}

// plain is the schema of a part whose connector does not know metadata that a column
// is to hold: there the column is one of its data.
func plain(s *arrow.Schema, c *ops.Connector) *arrow.Schema {
	fields := slices.Clone(s.Fields())
	for i, f := range fields {
		if key, ok := f.Metadata.GetValue(ops.MetadataColumn); ok && !slices.Contains(c.Metadata, key) {
			fields[i].Metadata = arrow.Metadata{}
		}
	}
	return arrow.NewSchema(fields, nil)
}

// resolve checks the options of all parts.
func (c *connector) resolve(ctx context.Context, t job.Table) (job.Table, error) {
	parts, err := c.parts(t)
	if err != nil {
		return t, err
	}
	if _, err := switchOf(t, parts); err != nil {
		return t, err
	}
	for _, p := range parts {
		if p.connector.Resolve == nil {
			continue
		}
		if _, err := p.connector.Resolve(ctx, p.table); err != nil {
			return t, fmt.Errorf("part %s: %w", p.id, err)
		}
	}
	return t, nil
}

// rows are those of the parts that know.
func (c *connector) rows(ctx context.Context, s ops.Scan) (e ops.Estimate) {
	parts, err := c.parts(s.Table)
	if err != nil {
		return e
	}
	for _, p := range parts {
		if p.connector.Rows == nil {
			continue
		}
		of := s
		of.Table = p.table
		if one := p.connector.Rows(ctx, of); one.Known {
			e.Rows, e.Known = e.Rows+one.Rows, true
		}
	}
	return e
}
