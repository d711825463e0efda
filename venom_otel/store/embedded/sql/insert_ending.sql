INSERT INTO endings(status, error_kind, routed, cold) VALUES(:status, :error_kind, :routed, :cold);
