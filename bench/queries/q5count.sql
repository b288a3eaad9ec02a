-- The counts in q5 alone.
CREATE TABLE sink (auction BIGINT, bids BIGINT, window_start TIMESTAMP(3), window_end TIMESTAMP(3)) WITH (${sink});

INSERT INTO sink
SELECT auction, COUNT(*), window_start, window_end
FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
