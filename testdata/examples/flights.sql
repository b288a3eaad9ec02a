-- Departures, delays and distances by day and airport, from Parquet files.
--
--   wadi sql -f testdata/examples/flights.sql
--
-- FLIGHTS names other files of the same columns.

CREATE TEMPORARY TABLE flights (
  `date`      TIMESTAMP(6),
  delay       BIGINT,
  distance    BIGINT,
  origin      STRING,
  destination STRING,
  WATERMARK FOR `date` AS `date` - INTERVAL '1' DAY
) WITH (
  'connector' = 'filesystem',
  'format'    = 'parquet',
  'path'      = '${env:FLIGHTS:-testdata/flights/flights.parquet}'
);

SELECT
  window_start AS `day`,
  origin,
  COUNT(*)      AS flights,
  SUM(delay)    AS delay,
  MAX(delay)    AS longest,
  SUM(distance) AS miles
FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(`date`), INTERVAL '1' DAY))
GROUP BY window_start, window_end, origin;
