UPDATE tasks SET ended = :ended, body = :body WHERE id = :id;
