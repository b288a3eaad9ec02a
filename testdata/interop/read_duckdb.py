"""DuckDB, with its iceberg extension, reads tables from their metadata file: tasks as in task.py."""

import glob
import pathlib

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg

import task


def extension(package):
    """The extension's file that its package holds."""
    return glob.glob(str(pathlib.Path(package.__file__).parent / "extensions" / "*" / "*.duckdb_extension"))[0]


def main():
    tasks = task.load()
    con = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for package in (duckdb_extension_avro, duckdb_extension_iceberg):
        con.execute(f"LOAD '{extension(package)}'")

    def read(table, condition):
        where = f" WHERE {condition['duckdb']}" if condition else ""
        version = f", snapshot_from_id = {table['snapshot']}" if table.get("ref") else ""
        return con.execute(f"SELECT * FROM iceberg_scan('{table['metadata']}'{version}){where}").to_arrow_table()

    task.each(tasks, "duckdb", read)


main()
