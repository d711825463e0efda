INSERT INTO endings(status, error_kind, routed) VALUES(:status, :error_kind, :routed);
