"""What readers cannot do: it is named in their cells, and no fault of the table.

A limit counts only where the reader says so itself, or goes wrong in just that way.
"""

import re

# Reader, tables, what it says, and the reason.
LIMITS = [
    ("pyiceberg", "lists_of_rows", r"id 2: parts \[\] for NULL", "reads NULL in place of an ARRAY of ROWs as an empty one (its issue 3833)"),
    ("spark", "times", "Spark does not support time fields", "Spark has no time of day in Iceberg's tables"),
    ("spark", "nanoseconds", "Cannot convert unsupported type to Spark: timestamp_ns", "Spark has no timestamps of nanoseconds"),
    ("duckdb", "nanoseconds", "Unrecognized primitive type: timestamp", "its extension has no timestamptz of nanoseconds"),
    ("duckdb", "truncate_types", "Information loss on integer cast", "its extension fails on truncated negative DECIMALs, of Spark's tables too"),
    ("pyiceberg", "upserted_by_equality", "(?i)equality delete", "has no equality deletes"),
]


def reason(reader, table, cell):
    """Why a reader cannot read a table, or None."""
    if cell == "ok":
        return None
    for who, tables, says, why in LIMITS:
        if who == reader and re.search(tables, table) and re.search(says, cell):
            return why
    return None
