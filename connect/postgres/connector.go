package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/wadi-engine/wadi/connect/beside"
	"github.com/wadi-engine/wadi/connect/sqlrows"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// Connector offers the changes of tables as 'connector' = 'postgres-cdc'.
func Connector() *ops.Connector {
	durable := &beside.Durable{}
	return &ops.Connector{
		Name: "postgres-cdc", Options: options, Projects: true, Resolve: resolve,
		Source: func(_ context.Context, s ops.Scan) (ops.Source, error) { return open(s, durable) },
		Again: func(t job.Table, _ string) (job.Table, error) {
			return t, fmt.Errorf("%w: table %s is read through a replication slot, and only one job can", job.ErrInvalid, t.Ident)
		},
		Metadata: []string{"op_ts", "table_name", "schema_name", "database_name"},
	}
}

var options = []ops.Option{
	{Key: "hostname", Help: "Where the database is."},
	{Key: "port", Default: "5432", Help: "Its port."},
	{Key: "username", Help: "Who logs in: a role with REPLICATION that may read the table."},
	{Key: "password", Secret: true, Help: "The password."},
	{Key: "database-name", Help: "The database."},
	{Key: "schema-name", Help: "The schema of the table."},
	{Key: "table-name", Help: "The table."},
	{Key: "slot.name", Help: "The replication slot, which no other job uses; it is created when it is not there."},
	{Key: "decoding.plugin.name", Default: "pgoutput", Help: "Only pgoutput."},
	{Key: "changelog-mode", Default: "all", Help: "all, with what a row was before; or upsert, by primary key, for which the key alone must be logged."},
	{Key: "scan.startup.mode", Default: "initial", Help: "initial (the rows, then their changes), latest-offset, committed-offset (where the slot stands) or snapshot (the rows, and an end)."},
	{Key: "scan.incremental.snapshot.enabled", Default: "true", Help: "Accepted: an interrupted snapshot goes on behind its last row."},
	{Key: "scan.incremental.snapshot.chunk.size", Help: "Accepted; the rows are not read in chunks."},
	{Key: "scan.incremental.snapshot.chunk.key-column", Help: "Accepted; rows are read by the primary key."},
	{Key: "scan.incremental.snapshot.backfill.skip", Help: "Accepted."},
	{Key: "scan.snapshot.fetch.size", Default: "8192", Help: "How many rows travel together."},
	{Key: "connect.timeout", Default: "30 s", Help: "How long to try to connect."},
	{Key: "heartbeat.interval.ms", Help: "Accepted: the position moves on with the server's own messages."},
	{Key: "heartbeat.interval", Help: "The same."},
	{Key: "debezium.publication.name", Help: "The publication; without it, one that is called as the slot."},
	{Key: "debezium.publication.autocreate.mode", Default: "filtered", Help: "filtered (create it for the table) or disabled."},
	{Key: "debezium.database.sslmode", Default: "prefer", Help: "disable, allow, prefer, require, verify-ca or verify-full."},
	{Key: "debezium.database.sslrootcert", Help: "A file of certificates."},
	{Key: "scan.parallelism", Help: "Accepted; one task reads."},
}

func resolve(_ context.Context, t job.Table) (job.Table, error) {
	c, err := parse(t)
	if err != nil {
		return t, err
	}
	if t.Schema.Schema == nil || t.Schema.NumFields() == 0 {
		return t, fmt.Errorf("%w: table %s: a table of postgres-cdc declares its columns", job.ErrInvalid, t.Ident)
	}
	for _, f := range t.Schema.Fields() {
		if err := sqlrows.Readable(f); err != nil {
			return t, fmt.Errorf("table %s: %w", t.Ident, err)
		}
	}
	if (c.startup.snapshot() || c.upsert) && len(t.PrimaryKey) == 0 {
		return t, fmt.Errorf("%w: table %s: declare its PRIMARY KEY … NOT ENFORCED: the rows are read by it; "+
			"without one, 'scan.startup.mode' = 'latest-offset' with 'changelog-mode' = 'all' reads changes alone", job.ErrInvalid, t.Ident)
	}
	return t, nil
}

// source is a scan of a table.
type source struct {
	*config
	schema  *arrow.Schema
	columns []column
	key     []keyColumn
	durable *beside.Durable
}

// column is one of the scan: a column of the table, or what is known about a change.
type column struct {
	name     string
	metadata bool
}

var (
	_ ops.Upserting = (*source)(nil)
	_ ops.Source    = (*source)(nil)
)

func open(scan ops.Scan, durable *beside.Durable) (ops.Source, error) {
	c, err := parse(scan.Table)
	if err != nil {
		return nil, err
	}
	s := &source{config: c, durable: durable}
	var paths [][]string
	if s.schema, paths, err = scan.Flat(); err != nil {
		return nil, err
	}
	for i, p := range paths {
		col := column{name: p[0]}
		if key, ok := s.schema.Field(i).Metadata.GetValue(ops.MetadataColumn); ok {
			col = column{key, true}
			if err := checkMetadata(s.schema.Field(i), key); err != nil {
				return nil, fmt.Errorf("table %s: %w", scan.Table.Ident, err)
			}
		}
		s.columns = append(s.columns, col)
	}
	for _, k := range scan.Table.PrimaryKey {
		fields, ok := scan.Table.Schema.FieldsByName(k)
		if !ok {
			return nil, fmt.Errorf("%w: table %s has no column %s", job.ErrInvalid, scan.Table.Ident, k)
		}
		whole := slices.Contains([]arrow.Type{arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64}, fields[0].Type.ID())
		s.key = append(s.key, keyColumn{k, whole})
	}
	_, err = sqlrows.New(s.schema, sqlrows.PostgreSQL)
	return s, err
}

func checkMetadata(f arrow.Field, key string) error {
	if key != "op_ts" {
		if f.Type.ID() == arrow.STRING_VIEW {
			return nil
		}
		return fmt.Errorf("%w: column %s: the metadata '%s' is STRING NOT NULL", job.ErrInvalid, f.Name, key)
	}
	if t, ok := f.Type.(*arrow.TimestampType); !ok || t.TimeZone == "" {
		return fmt.Errorf("%w: column %s: the metadata 'op_ts' is TIMESTAMP_LTZ(3) NOT NULL", job.ErrInvalid, f.Name)
	}
	return nil
}

func (s *source) Schema() *arrow.Schema { return s.schema }
func (s *source) Bounded() bool         { return s.startup == snapshotOnly }

// Updating implements ops.Updating.
func (s *source) Updating() bool { return s.startup != snapshotOnly }

// Upserts implements ops.Upserting.
func (s *source) Upserts() bool { return s.upsert && s.startup != snapshotOnly }
