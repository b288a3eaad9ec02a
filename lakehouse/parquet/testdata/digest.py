"""Writes corpus.txt: what PyArrow, or else DuckDB, reads from the files of apache/parquet-testing.

    python3 digest.py CORPORA/parquet_testing > corpus.txt

Per file one line: name, rows, and then per column the first 16 hex digits of
the SHA-256 over the values, one per line, as render writes them.
"""

import hashlib
import pathlib
import struct
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

PER_SECOND = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def text(b):
    return "x" + b.hex() if len(b) < 1 << 20 else "h" + hashlib.sha256(b).hexdigest()


def render(v):
    t = v.type
    if isinstance(v, pa.ExtensionScalar):
        v, t = v.value, t.storage_type
    if not v.is_valid:
        return "null"
    if pa.types.is_boolean(t):
        return "true" if v.as_py() else "false"
    if pa.types.is_uint64(t):
        return f"{v.as_py()}/0"
    if pa.types.is_integer(t):
        return str(v.as_py())
    if pa.types.is_floating(t):
        f = float(v.as_py())
        return "nan" if f != f else struct.pack(">d", f).hex()
    if pa.types.is_decimal(t):
        return f"{int(v.as_py().scaleb(t.scale))}/{t.scale}"
    if pa.types.is_date32(t):
        return str(v.value)
    if pa.types.is_timestamp(t):
        return str(v.value * PER_SECOND[t.unit])
    if pa.types.is_time(t):
        return str(v.value * PER_SECOND[t.unit] // 10**6)
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return text(v.as_py().encode())
    if pa.types.is_binary(t) or pa.types.is_fixed_size_binary(t) or pa.types.is_large_binary(t):
        return text(v.as_py())
    if pa.types.is_map(t):
        return "{" + ",".join(render(e[0]) + "=" + render(e[1]) for e in map(list, (s.values() for s in v.values))) + "}"
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        return "[" + ",".join(render(e) for e in v.values) + "]"
    if pa.types.is_struct(t):
        return "(" + ",".join(render(v[i]) for i in range(t.num_fields)) + ")"
    raise TypeError(t)


def digest(column):
    h = hashlib.sha256()
    for v in column:
        h.update((render(v) + "\n").encode())
    return h.hexdigest()[:16]


def read(path):
    try:
        return pq.ParquetFile(path, coerce_int96_timestamp_unit="us").read(), "pyarrow"
    except Exception as e:
        print(path.name, "pyarrow:", e, file=sys.stderr)
        duckdb.sql("SET arrow_large_buffer_size = true")
        return duckdb.sql(f"SELECT * FROM read_parquet('{path}')").to_arrow_table(), "duckdb"


root = pathlib.Path(sys.argv[1])
for path in sorted((root / "data").rglob("*.parquet")):
    try:
        table, by = read(path)
        print(path.relative_to(root), table.num_rows, by, *(digest(c) for c in table.columns))
    except Exception as e:
        print(path.name, e, file=sys.stderr)
