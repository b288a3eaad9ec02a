-- Bids from Kafka into an Iceberg table, each once, with a commit every ten seconds.
SET 'pipeline.name' = 'bids';
SET 'execution.checkpointing.dir' = 'file:///tmp/lake/checkpoints';
SET 'execution.checkpointing.interval' = '10 s';
CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'jdbc', 'uri' = 'jdbc:sqlite:/tmp/lake/catalog.db', 'warehouse' = 'file:///tmp/lake/warehouse');
CREATE DATABASE IF NOT EXISTS lake.db;
CREATE TABLE IF NOT EXISTS lake.db.bids (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, at_time TIMESTAMP(6), part INT, off BIGINT);
CREATE TEMPORARY TABLE topic (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, `dateTime` TIMESTAMP(3), part INT METADATA FROM 'partition', off BIGINT METADATA FROM 'offset')
  WITH ('connector' = 'kafka', 'topic' = 'bids', 'properties.bootstrap.servers' = 'localhost:9092', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json');
INSERT INTO lake.db.bids SELECT auction, bidder, price, channel, CAST(`dateTime` AS TIMESTAMP(6)), part, off FROM topic;
