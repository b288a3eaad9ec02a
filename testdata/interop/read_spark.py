"""Spark with Iceberg reads tables: tasks as in task.py."""

import spark
import task


def main():
    tasks = task.load()
    session = spark.session(tasks)

    def read(table, condition):
        where = f" WHERE {condition['spark']}" if condition else ""
        version = f" VERSION AS OF '{table['ref']}'" if table.get("ref") else ""
        return session.sql(f"SELECT * FROM lake.{table['read']}{version}{where}").toArrow()

    task.each(tasks, "spark", read)
    session.stop()


main()
