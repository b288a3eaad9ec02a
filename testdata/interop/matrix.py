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
import kinds_altered
import kinds_keyed
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

    def timed(self, what, do, *arguments):
        """Does something and keeps how long it took."""
        started = time.monotonic()
        done = do(*arguments)
        self.took[what] = time.monotonic() - started
        return done

    @property
    def wrong(self):
        """How many cells are neither right nor a limit that is named."""
        return sum(cell not in ("ok", "wrote it", "") and not cell.startswith(("cannot: ", "refuses: ")) for cell in self.cells.values())

    def text(self):
        """The matrix for a terminal, with the reasons below it."""
        width = max((len(t.name) for t in self.tables + self.foreign), default=4)
        out = ["", " ".join([f"{'table':<{width}}", *(f"{r:<10}" for r in self.readers)])]
        reasons = []
        for table in self.tables + self.foreign:
            line = []
            for reader in self.readers:
                cell = self.cells.get((table.name, reader), "not there") or "not there"
                line.append(f"{cell.split(':')[0]:<10}")
                if ":" in cell:
                    reasons.append(f"  {table.name}, {reader}: {cell}")
            out.append(" ".join([f"{table.name:<{width}}", *line]))
        times = ", ".join(f"{who} {seconds:.0f} s" for who, seconds in self.took.items())
        return "\n".join([*out, "", *reasons, f"interop: {len(self.tables)} tables of Wadi, {len(self.foreign)} of others, {self.wrong} cells wrong; {times}"])


def verdict(want, got):
    """What a cell says of two texts of a table."""
    return "ok" if want == got else f"wrong: {rows.difference(want, got)}"


def wadi_reads(lab, report, tables, wants):
    """Wadi reads tables of its own and of others."""
    for t in tables:
        hint = f"/*+ OPTIONS('snapshot-id' = '{lab.snapshot(t.table, t.ref)}') */" if t.ref else ""
        try:
            report.put(t, "wadi", verdict(wants[t.name], lab.read(t.name, t.read, hint, t.conditions or [])))
        except Exception as error:
            refused = t.refuses and re.search(t.refuses, str(error))
            report.put(t, "wadi", f"refuses: {refusal(error)}" if refused else f"wrong: {error}")


def others_read(lab, report, reader, python, tables, wants, jars):
    """A reader's program reads all tables but those that it wrote itself."""
    tables = [t for t in tables if t.writer != reader]
    listed = []
    for t in tables:
        listed.append({"name": t.name, "table": t.table, "read": t.read, "conditions": t.conditions or [], "metadata": str(lab.metadata(t.table)),
                       **({"ref": t.ref, "snapshot": lab.snapshot(t.table, t.ref)} if t.ref else {})})
    tasks = lab.tasks(reader, listed, jars=str(jars))
    with open(lab.root / f"{reader}.log", "w") as log:
        subprocess.run([str(python), str(HERE / f"read_{reader}.py"), str(tasks)], stdout=log, stderr=log, timeout=1800)
    for t in tables:
        got, error = lab.out / f"{t.name}.{reader}.rows", lab.out / f"{t.name}.{reader}.error"
        if got.exists():
            report.put(t, reader, verdict(wants[t.name], got.read_text().splitlines()))
        else:
            report.put(t, reader, "wrong: " + (error.read_text() if error.exists() else f"no answer; see {lab.root}/{reader}.log"))


def ours(lab, report, pattern):
    """Makes the tables of Wadi; the text that each must have."""
    wants = {}
    for t in kinds.KINDS:
        if not re.search(pattern, t.name):
            continue
        report.tables.append(t)
        try:
            wants[t.name] = t.write(lab)
        except Exception as error:
            for reader in report.readers:
                report.put(t, reader, f"wrong: not written: {error}")
    return wants


def theirs(lab, report, args, spark):
    """PyIceberg makes its tables here, Spark in one program; the text that each must have, which is what its writer reads."""
    report.foreign = foreign.selected(args.only)
    foreign_pyiceberg.make(lab, report.foreign)
    chosen = [t for t in report.foreign if t.writer == "spark"]
    if spark is not None and chosen:
        tasks = lab.tasks("write_spark", [t.task() for t in chosen], jars=str(args.cache / "jars"), src=str(lab.root / "src"))
        with open(lab.root / "write_spark.log", "w") as log:
            subprocess.run([str(spark), str(HERE / "write_spark.py"), str(tasks)], stdout=log, stderr=log, timeout=1800)
    wants = {}
    for t in report.foreign:
        why = ""
        if t.writer == "spark" and spark is None:
            why = "cannot: Spark is not there to write it"
        elif not (lab.out / f"{t.name}.arrow").exists():
            failed = lab.out / f"{t.name}.unwritten"
            why = "wrong: not written: " + (failed.read_text() if failed.exists() else f"see {lab.root}/write_spark.log")
        else:
            wants[t.name] = expected(lab, t)
        for reader in report.readers:
            report.cells[t.name, reader] = why if t.writer != reader else "wrote it"
    return wants


def expected(lab, t):
    """The text of what the writer of a table reads of it, and of the rows for each condition."""
    with pa.OSFile(str(lab.out / f"{t.name}.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    text = rows.lines(table)
    for number, (condition, found) in enumerate(filters.of(table.to_pylist(), table.schema) if t.conditions is not None else []):
        t.conditions.append(condition)
        text += rows.section(number, rows.of_dicts(found, table.schema))
    return text


def refusal(error):
    """An error of Wadi without where it happened and in which run."""
    words = re.sub(r"(file:)?/\S*/(\S+\.\w+)", r"\2", str(error))
    words = re.sub(r"\b\d{5}-\d+-[0-9a-f-]{36}[-\w]*\.", "*.", words)
    return words.rsplit("invalid request: ", 1)[-1].rsplit("look up table ", 1)[-1].split(" …")[0][:200]


def run(args, root, found, missing):
    """The whole matrix."""
    lab = labs.Lab(args.binary, root)
    report = Report(["wadi", *found, *missing], missing)
    wants = report.timed("written by wadi", ours, lab, report, args.only)
    wants |= report.timed("written by others", theirs, lab, report, args, found.get("spark"))
    tables = [t for t in report.tables + report.foreign if t.name in wants]
    report.timed("read by wadi", wadi_reads, lab, report, tables, wants)
    for reader, python in found.items():
        report.timed(f"by {reader}", others_read, lab, report, reader, python, tables, wants, args.cache / "jars")
    return report
