"""PyIceberg reads tables: tasks as in task.py."""

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import AlwaysTrue, EqualTo

import task


def expression(condition):
    """A condition of filters.py."""
    if condition is None:
        return AlwaysTrue()
    if "hex" in condition:
        return EqualTo(condition["column"], bytes.fromhex(condition["hex"]))
    return EqualTo(condition["column"], condition.get("text", condition.get("number")))


def main():
    tasks = task.load()
    catalog = SqlCatalog("lake", uri=f"sqlite:///{tasks['catalog']}", warehouse=f"file://{tasks['warehouse']}")

    def read(table, condition):
        loaded = catalog.load_table(table["read"])
        snapshot = None
        if table.get("ref"):
            snapshot = loaded.snapshot_by_name(table["ref"]).snapshot_id
        return loaded.scan(row_filter=expression(condition), snapshot_id=snapshot).to_arrow()

    task.each(tasks, "pyiceberg", read)


main()
