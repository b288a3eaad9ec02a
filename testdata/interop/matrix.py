"""Makes the tables, lets everybody read them, and puts what comes of it in a matrix."""

import pathlib
import re
import subprocess
import time

import pyarrow as pa

import filters
import foreign
import foreign_pyiceberg
import kinds
import lab as labs
import limits
import rows

HERE = pathlib.Path(__file__).parent


class Report:
    """Cells by table and reader: `ok`, `cannot: …`, or what is wrong."""

    def __init__(self, readers, missing):
        self.readers, self.missing = readers, missing
        self.tables, self.foreign, self.cells, self.took = [], [], {}, {}

    def put(self, table, reader, cell):
        """Fills a cell; what is known of the reader is not wrong."""
        reason = limits.reason(reader, table.name, cell)
        self.cells[table.name, reader] = f"cannot: {reason}" if reason else cell

    @property
    def wrong(self):
        """How many cells are neither right nor a limit that is named."""
        return sum(cell != "ok" and not cell.startswith(("cannot: ", "refuses: ")) for cell in self.cells.values())

    def text(self):
        """The matrix for a terminal, with the reasons below it."""
        width = max((len(t.name) for t in self.tables + self.foreign), default=4)
        out = ["", " ".join([f"{'table':<{width}}", *(f"{r:<10}" for r in self.readers)])]
        reasons = []
        for table in self.tables:
            line = []
            for reader in self.readers:
                cell = self.cells.get((table.name, reader), "not there")
                line.append(f"{'ok' if cell == 'ok' else cell.split(':')[0]:<10}")
                if ":" in cell:
                    reasons.append(f"  {table.name}, {reader}: {cell}")
            out.append(" ".join([f"{table.name:<{width}}", *line]))
        for table in self.foreign:
            cell = self.cells.get((table.name, "wadi"), "")
            out.append(f"{table.name:<{width}} {cell[:300]}")
        times = ", ".join(f"{who} {seconds:.0f} s" for who, seconds in self.took.items())
        return "\n".join([*out, "", *reasons, f"interop: {len(self.tables)} tables of Wadi, {len(self.foreign)} of others, {self.wrong} cells wrong; {times}"])


def wadi_reads(lab, report, tables, wants):
    """Wadi reads its own tables."""
    for t in tables:
        hint = f"/*+ OPTIONS('snapshot-id' = '{snapshot(lab, t)}') */" if t.ref else ""
        try:
            got = lab.read(t.name, t.table, hint, t.conditions)
            report.put(t, "wadi", verdict(wants[t.name], got))
        except Exception as error:
            report.put(t, "wadi", f"wrong: {error}")


def snapshot(lab, t):
    """The snapshot of a branch or tag."""
    return lab.load(t.table).snapshot_by_name(t.ref).snapshot_id


def verdict(want, got):
    """What a cell says of two texts of a table."""
    return "ok" if want == got else f"wrong: {rows.difference(want, got)}"


def others_read(lab, report, reader, python, tables, wants, jars):
    """A reader's program reads all tables."""
    listed = []
    for t in tables:
        loaded = lab.load(t.table)
        listed.append({"name": t.name, "table": t.table, "conditions": t.conditions, "metadata": loaded.metadata_location.removeprefix("file://"),
                       **({"ref": t.ref, "snapshot": snapshot(lab, t)} if t.ref else {})})
    tasks = lab.tasks(reader, listed, jars=str(jars))
    with open(lab.root / f"{reader}.log", "w") as log:
        subprocess.run([str(python), str(HERE / f"read_{reader}.py"), str(tasks)], stdout=log, stderr=log, timeout=1800)
    for t in tables:
        got, error = lab.out / f"{t.name}.{reader}.rows", lab.out / f"{t.name}.{reader}.error"
        if got.exists():
            report.put(t, reader, verdict(wants[t.name], got.read_text().split("\n")))
        else:
            report.put(t, reader, "wrong: " + (error.read_text() if error.exists() else f"no answer; see {lab.root}/{reader}.log"))


def written_by_others(lab, report, args, spark):
    """PyIceberg makes its tables here, Spark in one program; Wadi reads them."""
    report.foreign = foreign.selected(args.only)
    started = time.monotonic()
    foreign_pyiceberg.make(lab, report.foreign)
    report.took["written by pyiceberg"] = time.monotonic() - started
    chosen = [t for t in report.foreign if t.writer == "spark"]
    if spark is not None and chosen:
        started = time.monotonic()
        tasks = lab.tasks("write_spark", [t.task() for t in chosen], jars=str(args.cache / "jars"), src=str(lab.root / "src"))
        with open(lab.root / "write_spark.log", "w") as log:
            subprocess.run([str(spark), str(HERE / "write_spark.py"), str(tasks)], stdout=log, stderr=log, timeout=1800)
        report.took["written by spark"] = time.monotonic() - started
    started = time.monotonic()
    for t in report.foreign:
        there = t.writer != "spark" or spark is not None
        report.put(t, "wadi", theirs(lab, t) if there else "cannot: Spark is not there to write it")
    report.took["theirs by wadi"] = time.monotonic() - started


def refusal(error):
    """An error of Wadi without where it happened and in which run."""
    words = re.sub(r"(file:)?/\S*/(\S+\.\w+)", r"\2", str(error))
    return words.rsplit("invalid request: ", 1)[-1].rsplit("look up table ", 1)[-1].split(" …")[0][:200]


def theirs(lab, t):
    """What Wadi makes of a table that another engine wrote."""
    arrow, failed = lab.out / f"{t.name}.arrow", lab.out / f"{t.name}.unwritten"
    if not arrow.exists():
        return "wrong: not written: " + (failed.read_text() if failed.exists() else f"see {lab.root}/write_spark.log")
    with pa.OSFile(str(arrow)) as file:
        table = pa.ipc.open_file(file).read_all()
    want = rows.lines(table)
    for number, (condition, found) in enumerate(filters.of(table.to_pylist(), table.schema) if t.conditions is not None else []):
        t.conditions.append(condition)
        want += rows.section(number, rows.of_dicts(found, table.schema))
    hint = f"/*+ OPTIONS('snapshot-id' = '{snapshot(lab, t)}') */" if t.ref else ""
    try:
        return verdict(want, lab.read(t.name, t.read, hint, t.conditions or []))
    except Exception as error:
        if t.refuses and re.search(t.refuses, str(error)):
            return f"refuses: {refusal(error)}"
        return f"wrong: {error}"


def run(args, root, found, missing):
    """The whole matrix."""
    lab = labs.Lab(args.binary, root)
    report = Report(["wadi", *found, *missing], missing)
    tables, wants = [], {}
    started = time.monotonic()
    for t in kinds.KINDS:
        if not re.search(args.only, t.name):
            continue
        report.tables.append(t)
        try:
            wants[t.name] = t.write(lab)
            tables.append(t)
        except Exception as error:
            for reader in report.readers:
                report.put(t, reader, f"wrong: not written: {error}")
    report.took["written by wadi"] = time.monotonic() - started
    started = time.monotonic()
    wadi_reads(lab, report, tables, wants)
    report.took["read by wadi"] = time.monotonic() - started
    for reader, python in found.items():
        started = time.monotonic()
        others_read(lab, report, reader, python, tables, wants, args.cache / "jars")
        report.took[f"by {reader}"] = time.monotonic() - started
    written_by_others(lab, report, args, found.get("spark"))
    return report
