-- Columns of words are named as Dimension's values.
SELECT
    id,
    status,
    error_kind,
    CASE WHEN routed IN (1, 3) THEN 'false' WHEN routed IN (2, 4) THEN 'true' END AS fallback,
    CASE cold WHEN 1 THEN 'false' WHEN 2 THEN 'true' END AS cold_start,
    CASE WHEN routed IN (1, 2) THEN 'false' WHEN routed IN (3, 4) THEN 'true' END AS gave_way
FROM endings
WHERE (:status IS NULL OR status IN (SELECT value FROM json_each(:status)))
  AND (:error_kind IS NULL OR error_kind IN (SELECT value FROM json_each(:error_kind)))
  AND (:fallback IS NULL OR (routed > 0 AND (routed - 1) % 2 IN (SELECT value FROM json_each(:fallback))));
