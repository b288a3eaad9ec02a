-- Average of the last ten closing prices of each seller. Flink cannot run it.
CREATE TABLE sink (seller BIGINT, avg_price BIGINT) WITH (${sink});

INSERT INTO sink
SELECT seller, AVG(price) OVER (PARTITION BY seller ORDER BY `dateTime` ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY id, seller ORDER BY price DESC) AS rownum
  FROM (
    SELECT a.id, a.seller, b.price, b.`dateTime`
    FROM auction AS a, bid AS b
    WHERE a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.expires))
WHERE rownum <= 1;
