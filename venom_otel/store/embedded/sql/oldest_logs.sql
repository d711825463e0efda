SELECT id FROM logs
WHERE id > :above AND id < :below AND (:any_time OR time_ns BETWEEN :since_ns AND :until_ns)
ORDER BY id LIMIT :limit;
