package catalog

import (
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"
)

// ConnectorName is the value of 'connector' for Iceberg tables.
const ConnectorName = "iceberg"

// The keys of a WITH clause that say where a table is, which state of it is
// meant, and what a job does with it: no property of the table is called so.
// Those of the catalog have Flink's names.
const (
	optConnector       = "connector"
	optType            = "type"
	OptCatalogType     = "catalog-type"
	OptCatalogName     = "catalog-name"
	OptCatalogDatabase = "catalog-database"
	OptCatalogTable    = "catalog-table"
	OptURI             = "uri"
	OptWarehouse       = "warehouse"
	OptCreate          = "create-table"
	OptPath            = "path"
	OptMoved           = "allow-moved-paths"
	OptMetadata        = "metadata-table"
	OptSnapshot        = "snapshot-id"
	OptAsOf            = "as-of-timestamp"
	OptBranch          = "branch"
	OptTag             = "tag"
	OptThenSchema      = "use-snapshot-schema"
)

// The keys of a table that is read as a stream have the names of Iceberg's
// source for Flink, but for the last.
const (
	OptStreaming     = "streaming"
	OptMonitor       = "monitor-interval"
	OptStrategy      = "starting-strategy"
	OptStartID       = "start-snapshot-id"
	OptStartTime     = "start-snapshot-timestamp"
	OptEndID         = "end-snapshot-id"
	OptPlanCount     = "max-planning-snapshot-count"
	OptWatermark     = "watermark-column"
	OptSkipOverwrite = "streaming-skip-overwrite-snapshots"
	OptChangelog     = "streaming-changelog"
)

// The keys of a sink whose rows say to which table they go. The first has the
// name that Iceberg's sink for Flink gives it.
const (
	OptDynamic      = "use-dynamic-iceberg-sink"
	OptTableColumn  = "dynamic-record.table-column"
	OptDbColumn     = "dynamic-record.database-column"
	OptBranchColumn = "dynamic-record.branch-column"
	OptValueColumn  = "dynamic-record.value-column"
	OptErrorPolicy  = "error.policy"
	OptErrorTable   = "error.table"
)

// The keys of a table that is created which its metadata have elsewhere than
// among the properties.
const (
	OptPartitioning = "partitioning"
	OptSortOrder    = "sort-order"
)

// connectorKeys are all of them but those that stand for a property or are not
// kept in a table.
var connectorKeys = []string{
	optConnector, optType, OptCatalogType, OptCatalogName, OptCatalogDatabase, OptCatalogTable, OptURI, OptWarehouse, OptCreate,
	OptPath, OptMoved, OptMetadata, OptSnapshot, OptAsOf, OptBranch, OptTag, OptThenSchema, OptWapID, OptWapBranch,
	OptStreaming, OptMonitor, OptStrategy, OptStartID, OptStartTime, OptEndID, OptPlanCount, OptWatermark, OptSkipOverwrite, OptChangelog,
	OptDynamic, OptTableColumn, OptDbColumn, OptBranchColumn, OptValueColumn, OptErrorPolicy, OptErrorTable,
}

// ShortNames are the options of Iceberg's sink for Flink that stand for a
// property of the table.
var ShortNames = map[string]string{
	"write-format":           "write.format.default",
	"target-file-size-bytes": table.WriteTargetFileSizeBytesKey,
	"compression-codec":      table.ParquetCompressionKey,
	"compression-level":      table.ParquetCompressionLevelKey,
	"distribution-mode":      "write.distribution-mode",
	"upsert-enabled":         "write.upsert.enabled",
}

// connectorOption reports whether a key speaks to the connector, not about the table.
func connectorOption(key string) bool {
	return slices.Contains(connectorKeys, key) || strings.HasPrefix(key, OptSummary) || ShortNames[key] != ""
}

// Dynamic reports whether the rows that are written with these options say to
// which table they go.
func Dynamic(options map[string]string) bool { return strings.EqualFold(options[OptDynamic], "true") }
