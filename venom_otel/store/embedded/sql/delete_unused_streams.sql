DELETE FROM streams WHERE id = :id AND NOT EXISTS (SELECT 1 FROM points WHERE stream = :id) RETURNING digest;
