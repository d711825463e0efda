-- One index range for each kind, merged; see newest_by_series.sql.
SELECT found.id
FROM json_each(:kinds) AS k
CROSS JOIN logs AS found ON found.id IN (
    SELECT id FROM logs
    WHERE kind = k.value AND id > :above AND id < :below AND (:any_time OR time_ns BETWEEN :since_ns AND :until_ns)
    ORDER BY id DESC LIMIT :limit
)
ORDER BY found.id DESC LIMIT :limit;
