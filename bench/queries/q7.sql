-- Highest bids of each ten seconds.
CREATE TABLE sink (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING) WITH (${sink});

INSERT INTO sink
SELECT b.auction, b.price, b.bidder, b.`dateTime`, b.extra
FROM bid AS b JOIN (
  SELECT MAX(price) AS maxprice, window_end AS `dateTime`
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end) AS most
ON b.price = most.maxprice
WHERE b.`dateTime` BETWEEN most.`dateTime` - INTERVAL '10' SECOND AND most.`dateTime`;
