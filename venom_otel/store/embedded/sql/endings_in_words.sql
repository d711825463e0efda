-- Columns are named as Dimension's values.
SELECT id, status, error_kind FROM endings
WHERE (:status IS NULL OR status = :status)
  AND (:error_kind IS NULL OR error_kind = :error_kind);
