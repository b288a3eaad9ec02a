"""DuckDB with the extensions that its packages hold."""

import glob
import pathlib

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg


def connect():
    """A connection that reads Iceberg tables."""
    con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        con.execute(f"LOAD '{glob.glob(str(pathlib.Path(package.__file__).parent / 'extensions' / '*' / '*.duckdb_extension'))[0]}'")
    return con
