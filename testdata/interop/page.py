"""The matrix as a page of the documentation."""

import install

HEAD = """# Read by others, and others read

`make interop` wrote this page. It makes {count} tables with the binary, lets readers that are not ours read them, lets Wadi and them read {foreign} that others write,
and compares whole contents as text: every row, and the rows for a condition on each of eight columns, so that partitions and bounds in manifests count. Each table has
{rows} of BOOLEAN, all integers, FLOAT and DOUBLE with NaN and
infinities, three DECIMALs, text, bytes, DATE, TIMESTAMP, TIMESTAMP_LTZ, lists, maps, rows in rows and lists of rows, and NULLs in all columns,
unless its line says what is in it.

```sh
make interop                            # everything, and this page
make interop READERS=pyiceberg          # fails when that reader is not there; without the page
make interop ONLY='bucket|truncate'     # some kinds, without the page
```

Readers come from PyPI and Maven into `bin/interop`, once: {readers}. They need Python 3.10, and Spark needs Java 17 and Maven. A reader that
cannot be had is an empty column with its reason. The catalog is `jdbc` on SQLite, which Wadi, PyIceberg and Spark open as one; DuckDB is given the metadata file.
The tables are in `testdata/interop/kinds*.py` and `foreign*.py`, with the SQL that makes them.

"""

NAMES = {"wadi": "Wadi", "pyiceberg": "PyIceberg", "duckdb": "DuckDB", "spark": "Spark"}


def versions():
    """The readers' packages, as they are pinned."""
    named = {"pyiceberg": "PyIceberg", "duckdb": "DuckDB", "pyspark": "Spark", "duckdb-extension-iceberg": "its iceberg extension"}
    words = []
    for packages in install.ENVIRONMENTS.values():
        for package in packages:
            name, _, version = package.partition("==")
            name = name.split("[")[0]
            if name in named:
                words.append(f"{named[name]} {version}")
    words.append("Iceberg " + install.JARS[0].rsplit(":", 1)[1])
    return ", ".join(words)


def grouped(tables, cells, readers):
    """Lines of (title, versions, cells): a kind's format versions are one line where their cells are equal."""
    lines = []
    for table in tables:
        found = tuple(cells.get((table.name, reader), "") for reader in readers)
        if lines and lines[-1][0] == table.title and lines[-1][2] == found:
            lines[-1][1].append(table.version)
        else:
            lines.append((table.title, [table.version], found))
    return lines


def noted(reader, cell, notes):
    """A cell; its reason becomes the number of a note."""
    word, _, reason = cell.partition(": ")
    if not reason:
        return word
    note = f"{NAMES[reader]}: {reason}" if word != "wrong" else f"{NAMES[reader]}, wrong: {reason}"
    if note not in notes:
        notes.append(note)
    return f"{word} ({notes.index(note) + 1})"


def matrix(tables, cells, readers, notes):
    """A table in Markdown."""
    out = ["| table | format | " + " | ".join(NAMES[r] for r in readers) + " |", "|" + " --- |" * (len(readers) + 2)]
    for title, of, found in grouped(tables, cells, readers):
        shown = [noted(reader, cell, notes) for reader, cell in zip(readers, found)]
        out.append(f"| {title} | {', '.join(map(str, of))} | " + " | ".join(shown) + " |")
    return "\n".join(out)


def write(report):
    """The whole page."""
    notes = []
    head = HEAD.format(count=len(report.tables), foreign=len(report.foreign), rows="hundreds to thousands of rows", readers=versions())
    parts = [head, "## Tables that Wadi writes\n\n", matrix(report.tables, report.cells, report.readers, notes), "\n"]
    parts += ["\n## Tables that others write\n\nWhat must be read is what the writer itself reads.\n"]
    for writer in ("spark", "pyiceberg"):
        made = [t for t in report.foreign if t.writer == writer]
        parts += [f"\n### {NAMES[writer]}\n\n", matrix(made, report.cells, [r for r in report.readers if r != writer], notes), "\n"]
    for reader, why in report.missing.items():
        parts.append(f"\n{NAMES[reader]} was not there: {why}\n")
    if notes:
        parts.append("\n## What is not read\n\n" + "\n".join(f"{i}. {note}" for i, note in enumerate(notes, 1)) + "\n")
    return "".join(parts)
