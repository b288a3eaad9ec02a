"""DuckDB, with its iceberg extension, reads tables from their metadata file: tasks as in task.py."""

import duck
import duckdb

import task


class Reader:
    """Reads with one database until it breaks, which an internal error does to it."""

    def __init__(self):
        self.con = duck.connect()

    def read(self, table, condition):
        """The rows of a table for a condition."""
        if table["read"] != table["table"]:
            raise ValueError("views are not read from files")
        where = f" WHERE {condition['duckdb']}" if condition else ""
        version = f", snapshot_from_id = {table['snapshot']}" if table.get("ref") else ""
        try:
            return self.con.execute(f"SELECT * FROM iceberg_scan('{table['metadata']}'{version}){where}").to_arrow_table()
        except (duckdb.InternalException, duckdb.FatalException):
            self.con = duck.connect()
            raise


task.each(task.load(), "duckdb", Reader().read)
