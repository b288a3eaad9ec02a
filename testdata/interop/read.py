#!/usr/bin/env python3
"""Readers that are not ours read the tables of `wadi demo`, and Wadi reads theirs.

    python3 testdata/interop/read.py bin/wadi [DIRECTORY]

Runs the demo in DIRECTORY (by default a new temporary one), then

  - PyIceberg opens the same catalog database and scans every table,
  - DuckDB reads the data files of the current snapshots,
  - PyIceberg appends rows and creates a table, in format versions 1 and 2,
    and Wadi reads them.

Every count and sum must agree. Needs: pip install 'pyiceberg[sql-sqlite,pyarrow]' duckdb
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import duckdb
    import pyarrow as pa
    import pyiceberg
    from pyiceberg.catalog.sql import SqlCatalog
except ImportError as e:
    sys.exit(f"interop: {e}; it needs: pip install 'pyiceberg[sql-sqlite,pyarrow]' duckdb")

# What the demo puts in: rows, and the sum of a column. The bids of the windows
# are all bids.
EXPECTED = {
    "flights": ("distance", 60_000, None),
    "bids": ("price", 2_000_000, None),
    "windows": ("bids", None, 2_000_000),
}


def wadi(binary, *args):
    """Runs the binary and returns its standard output."""
    return subprocess.run([binary, *args], check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout


def rows_by_wadi(binary, root, table, column):
    text = wadi(binary, "sql", "-i", f"{root}/lake.sql", "--format", "csv", "-e",
                f"SET 'execution.runtime-mode' = 'batch'; SELECT COUNT(*) AS n, SUM({column}) AS s FROM lake.demo.{table}")
    count, total = text.strip().splitlines()[-1].split(",")
    return int(count), int(total)


def rows_by_pyiceberg(table, column):
    values = table.scan(selected_fields=(column,)).to_arrow()[column]
    return len(values), pa.compute.sum(values).as_py()


def rows_by_duckdb(table, column):
    files = [task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()]
    return duckdb.execute(f"SELECT count(*), sum({column})::BIGINT FROM read_parquet(?, union_by_name = true)", [files]).fetchone()


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    root = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="wadi-interop-")).resolve()
    if not (root / "catalog.db").exists():
        print(wadi(binary, "demo", "--dir", str(root)), end="")
    catalog = SqlCatalog("lake", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse")
    print(f"PyIceberg {pyiceberg.__version__} and DuckDB {duckdb.__version__} on {root}")
    wrong = 0

    def compare(name, **found):
        nonlocal wrong
        same = len(set(found.values())) == 1
        wrong += not same
        print(f"  {name:<28} " + "  ".join(f"{who} {n:,} rows, sum {s:,}" for who, (n, s) in found.items()),
              "" if same else "  DIFFERENT")

    for name, (column, count, total) in EXPECTED.items():
        table = catalog.load_table(f"demo.{name}")
        seen = rows_by_pyiceberg(table, column)
        compare(name, wadi=rows_by_wadi(binary, root, name, column), pyiceberg=seen, duckdb=rows_by_duckdb(table, column),
                expected=(seen[0] if count is None else count, seen[1] if total is None else total))

    for version in ("1", "2"):
        name = f"theirs_v{version}"
        schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("at", pa.timestamp("us"))])
        if catalog.table_exists(f"demo.{name}"):
            catalog.drop_table(f"demo.{name}")
        table = catalog.create_table(f"demo.{name}", schema, properties={"format-version": version})
        for part in range(3):
            ids = range(part * 1000, part * 1000 + 1000)
            table.append(pa.table({"id": ids, "name": [f"row {i}" for i in ids], "at": [i * 1_000_000 for i in ids]},
                                  schema=schema))
        compare(f"written by PyIceberg, v{version}", wadi=rows_by_wadi(binary, root, name, "id"),
                pyiceberg=rows_by_pyiceberg(table, "id"), expected=(3000, sum(range(3000))))

    sys.exit(f"interop: {wrong} tables differ" if wrong else 0)


main()
