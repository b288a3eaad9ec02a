"""Rows as text, the same for every reader.

A table is a line of column names and then one line for each row, sorted. In a line the columns stand in their order,
between "|". NULL is `NULL`; a number is as Python writes it (`nan`, `inf`, `-0.0`; a FLOAT has the digits of the
DOUBLE that equals it); a decimal has all digits of its scale; text is in JSON's quotes; bytes are in hex, as `x'00ff'`;
so is a UUID, which some readers give as text; DATE, TIME and TIMESTAMP are in ISO 8601 with the fraction's zeros cut, in UTC and with `Z` where the type has a zone;
a list is `[…]`, a struct `(…)`, and a map `{key: value, …}` in the order of its keys' text.
"""

import datetime
import decimal
import json
import re
import uuid

import pyarrow as pa


def iso(text, fraction, zone):
    """A time up to its seconds, then nanoseconds without the zeros behind them, then the zone."""
    digits = f"{fraction:09d}".rstrip("0")
    return text + ("." + digits if digits else "") + ("Z" if zone else "")


def moment(value, zone):
    """A datetime, or pandas' Timestamp where there are nanoseconds."""
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc)
    nanos = value.microsecond * 1000 + getattr(value, "nanosecond", 0)
    return iso(f"{value:%Y-%m-%dT%H:%M:%S}".rjust(19, "0"), nanos, zone)


UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def text(value, kind):
    """One value of an Arrow type."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, uuid.UUID):
        return f"x'{value.hex}'"
    if isinstance(value, str) and UUID.fullmatch(value):
        return f"x'{value.replace('-', '')}'"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (bytes, bytearray)):
        return f"x'{value.hex()}'"
    if isinstance(value, datetime.datetime):
        return moment(value, kind.tz is not None)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        return iso(f"{value:%H:%M:%S}", value.microsecond * 1000, False)
    if pa.types.is_struct(kind):
        return "(" + ", ".join(text(value[f.name], f.type) for f in kind) + ")"
    if pa.types.is_map(kind):
        pairs = value.items() if isinstance(value, dict) else value
        return "{" + ", ".join(sorted(f"{text(k, kind.key_type)}: {text(v, kind.item_type)}" for k, v in pairs)) + "}"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return "[" + ", ".join(text(v, kind.value_type) for v in value) + "]"
    raise TypeError(f"no text for {value!r} of type {kind}")


def lines(table):
    """The text of an Arrow table."""
    columns = [[text(v, f.type) for v in table.column(i).to_pylist()] for i, f in enumerate(table.schema)]
    return ["|".join(table.schema.names)] + sorted("|".join(row) for row in zip(*columns))


def section(number, text):
    """The rows of a table to which a condition was put, to stand behind the whole table."""
    return [f"?{number} {line}" for line in text[1:]]


def of_dicts(rows, schema):
    """The text of rows that are dicts, with an Arrow schema."""
    return lines(pa.Table.from_pylist(rows, schema=schema))


def difference(want, got):
    """In a few words, how two texts of tables differ."""
    if want[0] != got[0]:
        return f"columns {got[0]}, not {want[0]}"
    missing = list(set(want) - set(got))
    extra = list(set(got) - set(want))
    words = f"{len(got) - 1:,} rows, not {len(want) - 1:,}; {len(missing):,} missing, {len(extra):,} not expected"
    if not missing and not extra:
        return words
    if not missing or not extra:
        return f"{words}; such as {sorted(missing or extra)[0][:300]}"
    a = min(missing)
    b = min(extra, key=lambda row: sum(x != y for x, y in zip(a.split("|"), row.split("|"))))
    names = want[0].split("|")
    pairs = [f"{n} {y} for {x}" for n, x, y in zip(names, a.split("|"), b.split("|")) if x != y]
    return f"{words}; {names[0]} {a.split('|')[0]}: {'; '.join(pairs)[:300]}"
