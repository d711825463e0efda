-- Columns are named as the fields of `points.StoredPoint`; newest first.
SELECT time_ns, start_ns, value, count AS counted, low, high, bounds, detail
FROM points
WHERE stream = :stream AND time_ns BETWEEN :since_ns AND :until_ns
ORDER BY time_ns DESC, id DESC LIMIT :limit;
