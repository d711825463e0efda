DELETE FROM series WHERE id = :id AND NOT EXISTS (SELECT 1 FROM requests WHERE series = :id) RETURNING id;
