"""Gets the readers, from their package registries, into a directory that is kept: bin/interop.

Each reader has a virtual environment of its own, because DuckDB's extensions come for one of its versions only.
What is there already is not fetched again.

    python3 testdata/interop/install.py bin/interop pyiceberg,duckdb

makes readers ready for others than run.py: it prints NAME=PYTHON for each that is there, and names the others on standard error.
"""

import pathlib
import shutil
import subprocess
import sys
import time

# The packages of each environment.
ENVIRONMENTS = {
    "python": ["pyiceberg[sql-sqlite,pyarrow]==0.12.0", "pyiceberg-core==0.11.0", "pandas"],
    "duckdb": ["duckdb==1.5.5", "duckdb-extension-iceberg==1.5.5", "duckdb-extension-avro==1.5.5", "pyarrow", "pandas"],
    "spark": ["pyspark==4.1.4", "pyarrow", "pandas"],
}

# The readers, and the environment in which each runs.
READERS = {"pyiceberg": "python", "duckdb": "duckdb", "spark": "spark"}

JARS = ["org.apache.iceberg:iceberg-spark-runtime-4.1_2.13:1.12.0", "org.xerial:sqlite-jdbc:3.50.3.0"]


class Missing(Exception):
    """A reader cannot be had here; the text says why."""


def run(command, what):
    """Runs an installer; its last words explain a failure."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    if done.returncode:
        words = [line for line in done.stdout.splitlines() if line.strip()]
        raise Missing(f"{what}: {words[-1].strip() if words else 'exit status ' + str(done.returncode)}")


def timed(stamp, wanted, install):
    """Installs unless the stamp of an earlier run names the same things, and tells how long it took."""
    started = time.monotonic()
    if stamp.exists() and stamp.read_text() == wanted:
        return "kept"
    install()
    stamp.write_text(wanted)
    return f"{time.monotonic() - started:.0f} s"


def environment(cache, name):
    """The Python of an environment."""
    home = cache / name
    python = home / "bin" / "python"

    def install():
        shutil.rmtree(home, ignore_errors=True)
        run([sys.executable, "-m", "venv", home], "venv")
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *ENVIRONMENTS[name]], "pip install")

    cache.mkdir(parents=True, exist_ok=True)
    return python, timed(cache / f"{name}.txt", "\n".join(ENVIRONMENTS[name]), install)


def jars(cache):
    """The directory of Spark's jars."""
    home = cache / "jars"

    def install():
        if not shutil.which("java"):
            raise Missing("java: not found; Spark needs Java 17")
        if not shutil.which("mvn"):
            raise Missing("mvn: not found; it fetches Spark's Iceberg runtime")
        for jar in JARS:
            run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={jar}", f"-DoutputDirectory={home}"], "mvn dependency:copy")

    return home, timed(cache / "jars.txt", "\n".join(JARS), install)


def reader(cache, name):
    """The Python that runs a reader, and how long it took to get it."""
    cache = pathlib.Path(cache)
    python, took = environment(cache, name)
    if name == "spark":
        took += f", jars {jars(cache)[1]}"
    return python, took


def main():
    for name in sys.argv[2].split(","):
        try:
            print(f"{name}={reader(pathlib.Path(sys.argv[1]).resolve(), READERS[name])[0]}")
        except (Missing, subprocess.TimeoutExpired) as error:
            print(f"{name}: not there: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
