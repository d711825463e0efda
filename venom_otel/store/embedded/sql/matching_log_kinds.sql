SELECT id FROM log_kinds
WHERE (:service IS NULL OR service = :service)
  AND (:severity IS NULL OR severity >= :severity);
