INSERT INTO endings(status, error_kind) VALUES(:status, :error_kind);
