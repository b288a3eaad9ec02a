package iceberg

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/catalog"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/scan"
	"github.com/wadi-engine/wadi/lakehouse/iceberg/upsert"
	"github.com/wadi-engine/wadi/ops"
)

// The keys of a WITH clause that only a sink reads.
const (
	optCommitSize = "sink.commit.target-file-size"
	optCommitAge  = "sink.commit.max-age"
)

// Options are the keys that the connector reads. Every other key of a table
// in an Iceberg catalog is a property of the table.
var options = slices.Concat([]ops.Option{
	{Key: catalog.OptCatalogType, Help: "rest, hive, glue, jdbc or hadoop."},
	{Key: catalog.OptCatalogName, Help: "Name of the catalog; tables of a jdbc catalog are kept under it."},
	{Key: catalog.OptCatalogDatabase, Default: catalog.DefaultDatabase, Help: "Database of the table in the catalog."},
	{Key: catalog.OptCatalogTable, Help: "Name of the table in the catalog; by default that of the declared table."},
	{Key: catalog.OptURI, Help: "Where the catalog is: https://…, thrift://…, jdbc:sqlite:/path/catalog.db, jdbc:postgresql://…."},
	{Key: catalog.OptWarehouse, Help: "Directory or URL below which tables are kept."},
	{Key: catalog.OptCreate, Default: "false", Help: "Create the table when it is not there."},
	{Key: catalog.OptPartitioning, Help: "Partition fields of a table that is created, such as 'day(ts), bucket(16, id)'."},
	{Key: catalog.OptSortOrder, Help: "Order of the rows in files of a table that is created, such as 'ts DESC NULLS LAST, id'."},
	{Key: optCommitSize, Default: "128MB", Help: "Publish when this much is staged, even before sink.commit.max-age."},
	{Key: optCommitAge, Default: "10 s", Help: "Publish what has been staged for this long; 0 publishes every checkpoint."},
	{Key: catalog.OptSnapshot, Help: "Read this snapshot instead of the current one."},
	{Key: catalog.OptAsOf, Help: "Read the snapshot that was current at this time, in milliseconds since 1970."},
	{Key: catalog.OptTag, Help: "Read the snapshot of this tag."},
	{Key: catalog.OptBranch, Default: "main", Help: "Branch that is read, or written; then it is created from the current snapshot when it is not there."},
	{Key: catalog.OptWapID, Help: "Stage snapshots under this id instead of publishing them; needs 'write.wap.enabled'."},
	{Key: catalog.OptWapBranch, Help: "Write to this branch; needs 'write.wap.enabled'."},
	{Key: catalog.OptSummary + "#", Help: "A key of the summary of every snapshot."},
	{Key: "write-format", Help: "Instead of the table's write.format.default: parquet."},
	{Key: "target-file-size-bytes", Help: "Instead of the table's write.target-file-size-bytes."},
	{Key: "compression-codec", Help: "Instead of the table's write.parquet.compression-codec."},
	{Key: "compression-level", Help: "Instead of the table's write.parquet.compression-level."},
	{Key: "upsert-enabled", Help: "The same as write.upsert.enabled."},
	{Key: "distribution-mode", Help: "Instead of the table's write.distribution-mode."},
	{Key: catalog.OptDynamic, Default: "false", Help: "Rows go to the tables that they name, which are created and grow columns."},
	{Key: catalog.OptTableColumn, Help: "The column that names the table of each row, or database.table."},
	{Key: catalog.OptDbColumn, Help: "The column that names the database; NULL and none are catalog-database."},
	{Key: catalog.OptBranchColumn, Help: "The column that names the branch; NULL and none are the option branch."},
	{Key: catalog.OptValueColumn, Help: "The column with a JSON object for each row, whose members become columns."},
	{Key: catalog.OptErrorPolicy, Default: policyFail, Help: "What to do with a row that does not fit its table: fail, skip, or dead-letter."},
	{Key: catalog.OptErrorTable, Help: "The table of the catalog for rows that do not fit."},
	{Key: catalog.OptThenSchema, Default: "false", Help: "Name columns as the snapshot's schema does, not as the table's present one."},
	{Key: catalog.OptPath, Help: "Directory of a table, or a metadata file of it: the table is read without a catalog."},
	{Key: catalog.OptMoved, Default: "false", Help: "With path: look below it for files that the metadata have elsewhere."},
	{Key: catalog.OptMetadata, Help: "Read this metadata table instead, such as snapshots."},
	{Key: "format-version", Default: "2", Help: "Format version of a table that is created: 2 or 3."},
	{Key: "location", Help: "Location of a table that is created, if not below the warehouse."},
	{Key: optCompaction, Default: "false", Help: "The same as flink-maintenance.rewrite.enabled."},
	{Key: upkeepPrefix + "#", Help: "Maintenance of the table while a job writes to it."},
	{Key: "write.upsert.enabled", Default: "false", Help: "Rows that are inserted replace those with their primary key, too."},
	{Key: upsert.OptMode, Default: "position", Help: "How rows of a table with a primary key are deleted: position, equality or copy-on-write."},
	{Key: "write.#", Help: "Iceberg's table properties for writers."},
	{Key: "read.#", Help: "Iceberg's table properties for readers."},
	{Key: "commit.#", Help: "Iceberg's table properties for commits."},
	{Key: "history.#", Help: "Iceberg's table properties for snapshots to keep."},
}, scan.StreamOptions, catalog.Options(), objstore.Keys)

// target is where a table of a job is, and how it is to be read or written.
type target struct {
	catalog.Place
	scan.Plan

	create     bool
	commitSize int64
	commitAge  time.Duration
	upkeep     upkeepPlan
}

func parseTarget(t job.Table) (target, error) {
	o := t.Options
	get := func(key, fallback string) string {
		if v := o[key]; v != "" {
			return v
		}
		return fallback
	}
	bad := func(key, want string) error {
		return fmt.Errorf("table %s: %w: option %q is %q; want %s", t.Ident, job.ErrInvalid, key, o[key], want)
	}
	var out target
	var err error
	if out.Place, err = catalog.PlaceOf(t); err != nil {
		return out, err
	}
	if out.create, err = strconv.ParseBool(get(catalog.OptCreate, "false")); err != nil {
		return out, bad(catalog.OptCreate, "true or false")
	}
	if out.commitSize, err = units.ParseSize(get(optCommitSize, "128MB")); err != nil {
		return out, bad(optCommitSize, "a size such as 128MB")
	}
	if out.commitAge, err = units.ParseDuration(get(optCommitAge, "10 s")); err != nil {
		return out, bad(optCommitAge, "a duration such as 10 s")
	}
	if out.Plan, err = scan.ParsePlan(t); err != nil {
		return out, err
	}
	if out.upkeep, err = parseUpkeep(o); err != nil {
		return out, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return out, nil
}

// writable refuses what can only be read.
func (t target) writable() error {
	if t.Path != "" || t.Metadata != "" {
		return fmt.Errorf("%w: table %s is only read: to write, name its catalog", job.ErrInvalid, t)
	}
	return nil
}
