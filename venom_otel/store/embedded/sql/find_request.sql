-- The day is not part of a request's name: every day that the index holds is asked, one step for each.
WITH RECURSIVE days(day) AS (
    SELECT (SELECT start_ns / 86400000000000 FROM requests ORDER BY start_ns / 86400000000000 LIMIT 1)
    UNION ALL
    SELECT (
        SELECT start_ns / 86400000000000 FROM requests
        WHERE start_ns / 86400000000000 > days.day ORDER BY start_ns / 86400000000000 LIMIT 1
    )
    FROM days WHERE days.day IS NOT NULL
)
SELECT r.id
FROM days
CROSS JOIN requests AS r ON r.start_ns / 86400000000000 = days.day AND r.trace_id = :trace_id AND r.span_id = :span_id
WHERE days.day IS NOT NULL
ORDER BY r.id LIMIT 1;
