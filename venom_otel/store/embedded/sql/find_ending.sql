SELECT id FROM endings WHERE status = :status AND error_kind = :error_kind AND routed = :routed AND cold = :cold;
