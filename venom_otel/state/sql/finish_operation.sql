UPDATE operations SET state = :state, finished_ns = :finished_ns, error = :error WHERE id = :id;
