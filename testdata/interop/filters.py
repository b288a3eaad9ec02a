"""Conditions with which a table is read once more, so that partition values and bounds of columns in the manifests count.

A reader leaves out files that cannot have a row of the answer; where a value in a manifest is wrong, rows are missing.
A condition is the equality of a column with the value that it has in some row, in each reader's words.
"""

import datetime
import decimal

# The columns, of every type that conditions are pushed down for.
COLUMNS = ["id", "i", "price", "s", "city", "raw", "dt", "ts"]


def chosen(rows, column, place):
    """The value of a column in a row near a place: not NULL, and plain enough to be a literal in every SQL."""
    for row in rows[place:] + rows[:place]:
        value = row[column]
        if value is None or isinstance(value, bytes) and not value or isinstance(value, str) and set(value) & set("\\'\"\n"):
            continue
        return value
    return None


def words(column, value):
    """A condition for each reader; PyIceberg gets column and value."""
    if isinstance(value, bytes):
        h = value.hex()
        return {"sql": f"{column} = X'{h}'", "duckdb": f"{column} = from_hex('{h}')", "spark": f"{column} = X'{h}'", "hex": h}
    if isinstance(value, decimal.Decimal):
        literal = f"CAST('{value:f}' AS DECIMAL(9, 2))"
        return {"sql": f"{column} = {literal}", "duckdb": f"{column} = {literal}", "spark": f"{column} = {literal}", "text": f"{value:f}"}
    if isinstance(value, datetime.datetime):
        at = f"{value:%Y-%m-%d %H:%M:%S.%f}" + (f"{value.nanosecond:03d}" if getattr(value, "nanosecond", 0) else "")
        return {"sql": f"{column} = TIMESTAMP '{at}'", "duckdb": f"{column} = TIMESTAMP '{at}'",
                "spark": f"{column} = TIMESTAMP_NTZ '{at}'", "text": value.isoformat()}
    if isinstance(value, datetime.date):
        return {**dict.fromkeys(("sql", "duckdb", "spark"), f"{column} = DATE '{value}'"), "text": value.isoformat()}
    if isinstance(value, str):
        return {**dict.fromkeys(("sql", "duckdb", "spark"), f"{column} = '{value}'"), "text": value}
    return {**dict.fromkeys(("sql", "duckdb", "spark"), f"{column} = {value}"), "number": value}


def of(rows, schema):
    """The conditions for a table, each with the rows that it is true of."""
    found = []
    for n, column in enumerate(COLUMNS):
        if not rows or column not in schema.names:
            continue
        value = chosen(rows, column, len(rows) * (n + 1) // (len(COLUMNS) + 2))
        if value is not None:
            found.append(({"column": column, **words(column, value)}, [r for r in rows if r[column] == value]))
    return found
