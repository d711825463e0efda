SELECT id FROM log_kinds WHERE service = :service AND severity = :severity;
