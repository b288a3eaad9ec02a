"""What a reader that is not ours finds in tables, as multisets: `digest.py READER DIR TABLE[:COLUMN]…`.

DIR has catalog.db and warehouse, as a job of SQL leaves them. For each table it prints a line of NAME, how many rows it has,
the sum of the hashes of their values, and the number of rows that others wrote: those in which COLUMN is below 0, which are
in the first two figures not.
"""

import pathlib
import sqlite3
import sys

import pandas as pd


def by_pyiceberg(home):
    """Tables from the catalog."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("lake", uri=f"sqlite:///{home}/catalog.db", warehouse=f"file://{home}/warehouse")

    def read(name, condition):
        scan = catalog.load_table(f"db.{name}").scan()
        return (scan.filter(condition) if condition else scan).to_pandas()

    return read


def by_duckdb(home):
    """Tables from the metadata files that the catalog's database names."""
    import duck

    con = duck.connect()
    with sqlite3.connect(home / "catalog.db") as db:
        places = dict(db.execute("SELECT table_name, metadata_location FROM iceberg_tables WHERE table_namespace = 'db'"))

    def read(name, condition):
        where = f" WHERE {condition}" if condition else ""
        return con.execute(f"SELECT * FROM iceberg_scan('{places[name]}'){where}").df()

    return read


def main():
    read = {"pyiceberg": by_pyiceberg, "duckdb": by_duckdb}[sys.argv[1]](pathlib.Path(sys.argv[2]))
    for table in sys.argv[3:]:
        name, _, column = table.partition(":")
        frame = read(name, f"{column} >= 0" if column else None)
        total = int(pd.util.hash_pandas_object(frame, index=False).to_numpy("uint64").sum()) if len(frame) else 0
        others = len(read(name, f"{column} < 0")) if column else 0
        print(name, len(frame), total, others)


main()
