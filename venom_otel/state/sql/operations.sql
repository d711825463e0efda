SELECT id, kind, server, provider, model, asked_by, state, created_ns, finished_ns, error FROM operations ORDER BY number DESC LIMIT :limit;
