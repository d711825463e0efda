INSERT INTO operations(id, kind, server, provider, model, asked_by, state, created_ns, finished_ns, error)
VALUES(:id, :kind, :server, :provider, :model, :asked_by, :state, :created_ns, :finished_ns, :error);
