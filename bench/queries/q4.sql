-- Average of the closing prices of each category.
CREATE TABLE sink (id BIGINT, final BIGINT) WITH (${sink});

INSERT INTO sink
SELECT category, AVG(final) FROM (
  SELECT MAX(b.price) AS final, a.category
  FROM auction AS a, bid AS b
  WHERE a.id = b.auction AND b.`dateTime` BETWEEN a.`dateTime` AND a.expires
  GROUP BY a.id, a.category)
GROUP BY category;
