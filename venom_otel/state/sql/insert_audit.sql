INSERT INTO audit(at_ns, kind, server, provider, model, asked_by, outcome, detail, operation_id)
VALUES(:at_ns, :kind, :server, :provider, :model, :asked_by, :outcome, :detail, :operation_id);
