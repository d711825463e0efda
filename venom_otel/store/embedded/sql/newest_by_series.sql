-- One index range for each pair of series and ending, merged: what a filter costs does not depend on how rare its matches are.
-- `:any_time` is asked first, so that a row is only looked at where a time range has to be held against it. CROSS JOIN
-- keeps SQLite to this order of loops.
SELECT found.id
FROM json_each(:series) AS s
CROSS JOIN json_each(:endings) AS e
CROSS JOIN requests AS found ON found.id IN (
    SELECT id FROM requests
    WHERE series = s.value AND ending = e.value AND id > :above AND id < :below
      AND (:any_time OR start_ns BETWEEN :since_ns AND :until_ns)
    ORDER BY id DESC LIMIT :limit
)
ORDER BY found.id DESC LIMIT :limit;
