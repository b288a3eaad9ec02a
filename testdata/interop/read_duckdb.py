"""DuckDB, with its iceberg extension, reads tables from their metadata file: tasks as in task.py."""

import duck
import task


def main():
    tasks = task.load()
    con = duck.connect()

    def read(table, condition):
        where = f" WHERE {condition['duckdb']}" if condition else ""
        version = f", snapshot_from_id = {table['snapshot']}" if table.get("ref") else ""
        return con.execute(f"SELECT * FROM iceberg_scan('{table['metadata']}'{version}){where}").to_arrow_table()

    task.each(tasks, "duckdb", read)


main()
