"""A Spark session on the catalog: one core, little memory, no web pages, UTC."""

import glob
import os

from pyspark.sql import SparkSession


def session(tasks):
    """Spark with Iceberg's extensions; the catalog `lake` is the same database that Wadi and PyIceberg open."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    java = "-Duser.timezone=UTC -Dlog4j2.level=error -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    settings = {
        "spark.master": "local[1]",
        "spark.driver.memory": "1g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": java,
        "spark.jars": ",".join(glob.glob(tasks["jars"] + "/*.jar")),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.warehouse.dir": tasks["out"] + "/spark-warehouse",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        "spark.sql.catalog.lake.uri": "jdbc:sqlite:" + tasks["catalog"],
        "spark.sql.catalog.lake.jdbc.schema-version": "V1",
        "spark.sql.catalog.lake.warehouse": "file://" + tasks["warehouse"],
        "spark.sql.catalog.lake.cache-enabled": "false",
    }
    builder = SparkSession.builder.appName("interop")
    for key, value in settings.items():
        builder = builder.config(key, value)
    started = builder.getOrCreate()
    started.sparkContext.setLogLevel("ERROR")
    return started
