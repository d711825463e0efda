-- The counterpart of newest_by_series.sql, from the other end.
SELECT found.id
FROM json_each(:series) AS s
CROSS JOIN json_each(:endings) AS e
CROSS JOIN requests AS found ON found.id IN (
    SELECT id FROM requests
    WHERE series = s.value AND ending = e.value AND id > :above AND id < :below
      AND (:any_time OR start_ns BETWEEN :since_ns AND :until_ns)
    ORDER BY id LIMIT :limit
)
ORDER BY found.id LIMIT :limit;
