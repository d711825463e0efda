SELECT id FROM endings
WHERE (:status IS NULL OR status = :status)
  AND (:error_kind IS NULL OR error_kind = :error_kind);
