#!/usr/bin/env python3
"""Readers that are not ours read each kind of Iceberg table that Wadi writes, and Wadi reads theirs.

    python3 testdata/interop/run.py bin/wadi [--readers pyiceberg,duckdb,spark] [--only PATTERN] [--write docs/interop.md]

Installs what it needs into bin/interop (install.py), makes the tables (kinds.py) in a new directory under it, lets each
reader read all of them, compares whole contents as text (rows.py) and prints a matrix of kinds and readers. It fails when
a cell is wrong, and when a reader that --readers names is not there.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

import install


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--readers", help="these only, and it is an error when one is not there")
    parser.add_argument("--only", default="", help="kinds whose names have this pattern")
    parser.add_argument("--cache", help="where readers are installed (interop, beside the binary)")
    parser.add_argument("--write", help="the page that gets the matrix")
    args = parser.parse_args()
    args.binary = pathlib.Path(args.binary).resolve()
    args.cache = pathlib.Path(args.cache or args.binary.parent / "interop").resolve()
    return args


def fetch(args):
    """The Python of each reader that is there."""
    wanted = args.readers.split(",") if args.readers else list(install.READERS)
    found, missing = {}, {}
    for reader in wanted:
        try:
            found[reader], took = install.reader(args.cache, install.READERS[reader])
            print(f"interop: {reader}: {took}", flush=True)
        except (install.Missing, subprocess.TimeoutExpired) as error:
            missing[reader] = str(error)
            print(f"interop: {reader}: not there: {error}", flush=True)
    return found, missing


def main():
    args = arguments()
    if pathlib.Path(sys.prefix).resolve() != (args.cache / "python").resolve():
        python, took = install.reader(args.cache, "python")
        print(f"interop: the orchestrator's own packages: {took}", flush=True)
        os.execv(python, [str(python), __file__, *sys.argv[1:]])
    import matrix
    import page

    found, missing = fetch(args)
    root = args.cache / "runs" / time.strftime("%Y%m%d-%H%M%S")
    report = matrix.run(args, root, found, missing)
    if args.write:
        pathlib.Path(args.write).write_text(page.write(report))
    print(report.text())
    if report.wrong or (args.readers and missing):
        sys.exit(f"interop: {report.wrong} cells are wrong" + "".join(f"; {r}: {why}" for r, why in missing.items() if args.readers))


main()
