-- Part of no query of the benchmark: count, sum and maximum by auction in ten seconds.
CREATE TABLE sink (auction BIGINT, window_start TIMESTAMP(3), bids BIGINT, total BIGINT, highest BIGINT) WITH (${sink});

INSERT INTO sink
SELECT auction, window_start, COUNT(*), SUM(price), MAX(price)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
