INSERT INTO alerts(id, changed_ns, body) VALUES(:id, :changed_ns, :body)
ON CONFLICT(id) DO UPDATE SET changed_ns = excluded.changed_ns, body = excluded.body;
