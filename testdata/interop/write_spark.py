"""Spark makes the tables of foreign.py, and leaves what it reads of them as Arrow files: tasks as in task.py."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions

import spark
import task


def equality(session, table, step):
    """Adds a Parquet file of equality deletes with Iceberg's own API: `equality COLUMNS ROW ROW …`."""
    columns, *values = step.split()[1:]
    columns = columns.split(",")
    jvm = session._jvm
    loaded = jvm.org.apache.iceberg.spark.Spark3Util.loadIcebergTable(session._jsparkSession, f"lake.{table['table']}")
    fields = [loaded.schema().findField(c) for c in columns]
    kinds = {"long": pa.int64(), "string": pa.string(), "boolean": pa.bool_()}
    read = {"long": int, "string": str, "boolean": lambda v: v == "true"}
    found = [[None if v == "NULL" else read[f.type().toString()](v) for f, v in zip(fields, row.split(","))] for row in values]
    schema = pa.schema([pa.field(f.name(), kinds[f.type().toString()], metadata={"PARQUET:field_id": str(f.fieldId())}) for f in fields])
    deletes = pa.Table.from_arrays([pa.array(column, schema.field(i).type) for i, column in enumerate(zip(*found))], schema=schema)
    ids = session.sparkContext._gateway.new_array(jvm.int, len(fields))
    for i, f in enumerate(fields):
        ids[i] = f.fieldId()
    partitions = ["city=Ulm"] if loaded.spec().isPartitioned() else [None]
    delta = loaded.newRowDelta()
    for n, partition in enumerate(partitions):
        path = f"{loaded.location()}/data/equality-{loaded.currentSnapshot().snapshotId()}-{n}.parquet"
        local = pathlib.Path(path.removeprefix("file://").removeprefix("file:"))
        pq.write_table(deletes, local)
        builder = jvm.org.apache.iceberg.FileMetadata.deleteFileBuilder(loaded.spec()).ofEqualityDeletes(ids).withPath(path)
        builder = builder.withFormat("parquet").withFileSizeInBytes(local.stat().st_size).withRecordCount(deletes.num_rows)
        if partition:
            builder = builder.withPartitionPath(partition)
        delta.addDeletes(builder.build())
    delta.commit()


def default(session, table, column, value):
    """Adds an INT column with a default, with Iceberg's own API: `default COLUMN VALUE`."""
    iceberg = session._jvm.org.apache.iceberg
    loaded = iceberg.spark.Spark3Util.loadIcebergTable(session._jsparkSession, f"lake.{table['table']}")
    literal = getattr(iceberg.expressions.Expressions, "lit")(int(value))
    getattr(loaded.updateSchema(), "addColumn")(column, iceberg.types.Types.IntegerType.get(), literal).commit()


def make(session, table):
    """Runs the steps of a table, and returns what Spark reads then."""
    session.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{table['table'].split('.')[0]}")
    for step in table["steps"]:
        if step.startswith("equality "):
            equality(session, table, step)
        elif step.startswith("default "):
            default(session, table, *step.split()[1:])
        elif step.startswith("procedure "):
            _, name, *arguments = step.split(" ", 2)
            session.sql(f"CALL lake.system.{name}({', '.join([f'''table => '{table['table']}' ''', *arguments])})")
        else:
            session.sql(step)
    version = f" VERSION AS OF '{table['ref']}'" if table["ref"] else ""
    shown = session.sql(f"SELECT * FROM lake.{table['read']}{version}")
    for name, kind in shown.dtypes:
        if kind == "variant":
            shown = shown.withColumn(name, functions.to_json(name))
    return shown.toArrow()


def main():
    tasks = task.load()
    session = spark.session(tasks)
    session.read.parquet(tasks["src"]).createOrReplaceTempView("src")
    out = pathlib.Path(tasks["out"])
    for table in tasks["tables"]:
        try:
            got = make(session, table)
            with pa.OSFile(str(out / f"{table['name']}.arrow"), "wb") as file, pa.ipc.new_file(file, got.schema) as writer:
                writer.write_table(got)
        except Exception as error:  # the report says it
            (out / f"{table['name']}.unwritten").write_text(task.cause(error))
    session.stop()


main()
