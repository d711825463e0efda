DELETE FROM log_kinds WHERE id = :id AND NOT EXISTS (SELECT 1 FROM logs WHERE kind = :id) RETURNING id;
