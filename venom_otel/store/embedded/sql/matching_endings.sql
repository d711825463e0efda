-- Columns of words are named as Dimension's values.
SELECT
    id,
    status,
    error_kind,
    CASE routed WHEN 1 THEN 'false' WHEN 2 THEN 'true' END AS fallback,
    CASE cold WHEN 1 THEN 'false' WHEN 2 THEN 'true' END AS cold_start
FROM endings
WHERE (:status IS NULL OR status IN (SELECT value FROM json_each(:status)))
  AND (:error_kind IS NULL OR error_kind IN (SELECT value FROM json_each(:error_kind)))
  AND (:fallback IS NULL OR routed - 1 IN (SELECT value FROM json_each(:fallback)));
