"""What the orchestrator and the programs of the readers say to each other.

A reader is a program that is called with a file of tasks, in JSON: where the catalog is, and the tables to read. It
writes for each of them either NAME.READER.rows, the table as text (rows.py), or NAME.READER.error, one line.
"""

import json
import pathlib
import sys

import rows


def load():
    """The tasks of this call."""
    return json.loads(pathlib.Path(sys.argv[1]).read_text())


def cause(error):
    """An exception in one line."""
    words = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {words[0] if words else ''}"


def whole(table, read):
    """The text of a table, and of what its conditions (filters.py) are true of."""
    text = rows.lines(read(table, None))
    for number, condition in enumerate(table.get("conditions", [])):
        text += rows.section(number, rows.lines(read(table, condition)))
    return text


def each(tasks, reader, read):
    """Calls read, which gives an Arrow table, for every table and condition, and keeps what comes of it."""
    out = pathlib.Path(tasks["out"])
    for table in tasks["tables"]:
        try:
            (out / f"{table['name']}.{reader}.rows").write_text("\n".join(whole(table, read)))
        except Exception as error:  # what a reader cannot do is an answer
            (out / f"{table['name']}.{reader}.error").write_text(cause(error))
