"""What readers cannot do: it is named in their cells, and no fault of the table.

A limit counts only where the reader says so itself, or goes wrong in just that way.
"""

import re

# Reader, tables, what it says, and the reason.
LIMITS = [
    ("pyiceberg", "lists_of_rows|spark._evolved|reborn|defaults", r"parts \[\] for NULL", "reads NULL in place of an ARRAY of ROWs as an empty one (its issue 3833)"),
    ("pyiceberg", "nanoseconds", "Cannot convert StringLiteral into timestamp_ns", "has no conditions on timestamps of nanoseconds"),
    ("pyiceberg", "equality", "(?i)equality delete", "has no equality deletes"),
    ("pyiceberg", "_avro", "(Unsupported file format|Delete file format not supported): FileFormat.AVRO", "reads no files of tables in Avro"),
    ("pyiceberg", "3_orc", r"Unsupported schema projection from timestamp\[ns\]", "fails on timestamps in ORC files of format version 3"),
    ("pyiceberg", "variant", "validation error for TableMetadata", "opens no table with a VARIANT column"),
    ("pyiceberg", "viewed", "Table does not exist", "runs no queries of views"),
    ("duckdb", "nanoseconds", "Unrecognized primitive type: timestamp", "its extension has no timestamptz of nanoseconds"),
    ("duckdb", "truncate", "Information loss on integer cast", "its extension fails on truncated negative DECIMALs"),
    ("duckdb", "_equality$", "rows, not .* missing, 0 not expected", "deletes too many rows by several columns of which one is NULL"),
    ("duckdb", "_equality_partitioned", "Comparison on NULL values", "fails on equality deletes in a partition beside one of NULL"),
    ("duckdb", "spark3_respecified", "missing, [1-9].* not expected", "mixes up deletion vectors of one Puffin file where the partitioning has changed"),
    ("duckdb", "v._respecified", r"1 missing, 0 not expected; such as \?7", "finds no rows before 1970 by a condition on a column that is partitioned by month"),
    ("duckdb", "_avro|_orc", "only supports 'parquet'", "its extension reads Parquet files only"),
    ("duckdb", "codecs", "Unsupported compression codec .LZ4", "has no Parquet pages in Hadoop's LZ4"),
    ("duckdb", "variant", "Unsupported Arrow type VARIANT", "has no Arrow for VARIANT"),
    ("duckdb", "viewed", "views are not read from files", "reads a metadata file, which a view has none of"),
    ("spark", "times|rare", "Spark does not support time fields", "Spark has no time of day in Iceberg's tables"),
    ("spark", "nanoseconds", "Cannot convert unsupported type to Spark: timestamp_ns", "Spark has no timestamps of nanoseconds"),
]


def reason(reader, table, cell):
    """Why a reader cannot read a table, or None."""
    if cell == "ok":
        return None
    for who, tables, says, why in LIMITS:
        if who == reader and re.search(tables, table) and re.search(says, cell):
            return why
    return None
