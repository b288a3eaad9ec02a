package iceberg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wadi-engine/wadi/internal/objstore"
	"github.com/wadi-engine/wadi/internal/units"
	"github.com/wadi-engine/wadi/job"
	"github.com/wadi-engine/wadi/ops"
)

// ConnectorName is the value of 'connector' for Iceberg tables.
const ConnectorName = "iceberg"

// The keys of a WITH clause. Those of the catalog have Flink's names.
const (
	optConnector       = "connector"
	optType            = "type"
	optCatalogType     = "catalog-type"
	optCatalogName     = "catalog-name"
	optCatalogDatabase = "catalog-database"
	optCatalogTable    = "catalog-table"
	optURI             = "uri"
	optWarehouse       = "warehouse"
	optCreate          = "create-table"
	optPartitioning    = "partitioning"
	optSortOrder       = "sort-order"
	optCommitSize      = "sink.commit.target-file-size"
	optCommitAge       = "sink.commit.max-age"
	optFileSize        = "write.target-file-size-bytes"
	optCodec           = "write.parquet.compression-codec"
	optSnapshot        = "snapshot-id"
	optAsOf            = "as-of-timestamp"
	optBranch          = "branch"
	optTag             = "tag"
	optUpsert          = "write.upsert.enabled"
	optUpsertMode      = "write.upsert.mode"
	optUpsertHint      = "upsert-enabled"
	optThenSchema      = "use-snapshot-schema"
	optPath            = "path"
	optMoved           = "allow-moved-paths"
	optMetadata        = "metadata-table"
)

// Options are the keys that the connector reads. Every other key of a table
// in an Iceberg catalog is a property of the table.
var options = slices.Concat([]ops.Option{
	{Key: optCatalogType, Help: "rest, hive, glue, jdbc or hadoop."},
	{Key: optCatalogName, Help: "Name of the catalog; tables of a jdbc catalog are kept under it."},
	{Key: optCatalogDatabase, Default: DefaultDatabase, Help: "Database of the table in the catalog."},
	{Key: optCatalogTable, Help: "Name of the table in the catalog; by default that of the declared table."},
	{Key: optURI, Help: "Where the catalog is: https://…, thrift://…, jdbc:sqlite:/path/catalog.db, jdbc:postgresql://…."},
	{Key: optWarehouse, Help: "Directory or URL below which tables are kept."},
	{Key: optCreate, Default: "false", Help: "Create the table when it is not there."},
	{Key: optPartitioning, Help: "Partition fields of a table that is created, such as 'day(ts), bucket(16, id)'."},
	{Key: optSortOrder, Help: "Order of the rows in files of a table that is created, such as 'ts DESC NULLS LAST, id'."},
	{Key: optCommitSize, Default: "128MB", Help: "Publish when this much is staged, even before sink.commit.max-age."},
	{Key: optCommitAge, Default: "10 s", Help: "Publish what has been staged for this long; 0 publishes every checkpoint."},
	{Key: optSnapshot, Help: "Read this snapshot instead of the current one."},
	{Key: optAsOf, Help: "Read the snapshot that was current at this time, in milliseconds since 1970."},
	{Key: optTag, Help: "Read the snapshot of this tag."},
	{Key: optBranch, Default: "main", Help: "Branch that is read, or written; then it is created from the current snapshot when it is not there."},
	{Key: optWapID, Help: "Stage snapshots under this id instead of publishing them; needs 'write.wap.enabled'."},
	{Key: optWapBranch, Help: "Write to this branch; needs 'write.wap.enabled'."},
	{Key: optSummary + "#", Help: "A key of the summary of every snapshot."},
	{Key: "write-format", Help: "Instead of the table's write.format.default: parquet."},
	{Key: "target-file-size-bytes", Help: "Instead of the table's write.target-file-size-bytes."},
	{Key: "compression-codec", Help: "Instead of the table's write.parquet.compression-codec."},
	{Key: "compression-level", Help: "Instead of the table's write.parquet.compression-level."},
	{Key: optUpsertHint, Help: "The same as write.upsert.enabled."},
	{Key: "distribution-mode", Help: "Instead of the table's write.distribution-mode."},
	{Key: optDynamic, Default: "false", Help: "Rows go to the tables that they name, which are created and grow columns."},
	{Key: optTableColumn, Help: "The column that names the table of each row, or database.table."},
	{Key: optDbColumn, Help: "The column that names the database; NULL and none are catalog-database."},
	{Key: optBranchColumn, Help: "The column that names the branch; NULL and none are the option branch."},
	{Key: optValueColumn, Help: "The column with a JSON object for each row, whose members become columns."},
	{Key: optErrorPolicy, Default: policyFail, Help: "What to do with a row that does not fit its table: fail, skip, or dead-letter."},
	{Key: optErrorTable, Help: "The table of the catalog for rows that do not fit."},
	{Key: optThenSchema, Default: "false", Help: "Name columns as the snapshot's schema does, not as the table's present one."},
	{Key: optPath, Help: "Directory of a table, or a metadata file of it: the table is read without a catalog."},
	{Key: optMoved, Default: "false", Help: "With path: look below it for files that the metadata have elsewhere."},
	{Key: optMetadata, Help: "Read this metadata table instead, such as snapshots."},
	{Key: "format-version", Default: "2", Help: "Format version of a table that is created: 2 or 3."},
	{Key: "location", Help: "Location of a table that is created, if not below the warehouse."},
	{Key: optCompaction, Default: "false", Help: "The same as flink-maintenance.rewrite.enabled."},
	{Key: upkeepPrefix + "#", Help: "Maintenance of the table while a job writes to it."},
	{Key: optUpsert, Default: "false", Help: "Rows that are inserted replace those with their primary key, too."},
	{Key: optUpsertMode, Default: "position", Help: "How rows of a table with a primary key are deleted: position, equality or copy-on-write."},
	{Key: "write.#", Help: "Iceberg's table properties for writers."},
	{Key: "read.#", Help: "Iceberg's table properties for readers."},
	{Key: "commit.#", Help: "Iceberg's table properties for commits."},
	{Key: "history.#", Help: "Iceberg's table properties for snapshots to keep."},
}, streamOptions, catalogOptions(), objstore.Keys)

// connectorOption reports whether a key speaks to this package, not about the table.
func connectorOption(key string) bool {
	switch key {
	case optConnector, optType, optCatalogType, optCatalogName, optCatalogDatabase, optCatalogTable,
		optURI, optWarehouse, optCreate, optSnapshot, optAsOf, optBranch, optTag, optWapID, optWapBranch,
		optDynamic, optTableColumn, optDbColumn, optBranchColumn, optValueColumn, optErrorPolicy, optErrorTable,
		optThenSchema, optPath, optMoved, optMetadata:
		return true
	}
	return strings.HasPrefix(key, optSummary) || shortNames[key] != "" ||
		slices.ContainsFunc(streamOptions, func(o ops.Option) bool { return o.Key == key })
}

// target is where a table of a job is, and how it is to be written.
type target struct {
	catalog, database, table string

	options    map[string]string
	create     bool
	commitSize int64
	commitAge  time.Duration
	version    versionChoice
	thenSchema bool   // columns are named by the schema of the version
	path       string // of a table without a catalog
	moved      bool
	metadata   string // which metadata table, or ""
	upkeep     upkeepPlan
	stream     streamPlan
}

func (t target) String() string {
	if t.path != "" {
		return objstore.Redact(t.path)
	}
	return t.catalog + "." + t.database + "." + t.table
}

func parseTarget(t job.Table) (target, error) {
	o := t.Options
	get := func(key, fallback string) string {
		if v := o[key]; v != "" {
			return v
		}
		return fallback
	}
	out := target{
		catalog:  get(optCatalogName, t.Ident.Catalog),
		database: get(optCatalogDatabase, DefaultDatabase),
		table:    get(optCatalogTable, t.Ident.Name),
		options:  o,
		path:     o[optPath],
		metadata: o[optMetadata],
	}
	bad := func(key, want string) error {
		return fmt.Errorf("table %s: %w: option %q is %q; want %s", t.Ident, job.ErrInvalid, key, o[key], want)
	}
	var err error
	if out.create, err = strconv.ParseBool(get(optCreate, "false")); err != nil {
		return out, bad(optCreate, "true or false")
	}
	if out.thenSchema, err = strconv.ParseBool(get(optThenSchema, "false")); err != nil {
		return out, bad(optThenSchema, "true or false")
	}
	if out.moved, err = strconv.ParseBool(get(optMoved, "false")); err != nil {
		return out, bad(optMoved, "true or false")
	}
	if out.commitSize, err = units.ParseSize(get(optCommitSize, "128MB")); err != nil {
		return out, bad(optCommitSize, "a size such as 128MB")
	}
	if out.commitAge, err = units.ParseDuration(get(optCommitAge, "10 s")); err != nil {
		return out, bad(optCommitAge, "a duration such as 10 s")
	}
	if out.stream, err = parseStream(t); err != nil {
		return out, err
	}
	if out.upkeep, err = parseUpkeep(o); err != nil {
		return out, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	if out.version, err = parseVersion(o); err != nil {
		return out, fmt.Errorf("table %s: %w", t.Ident, err)
	}
	return out, nil
}
