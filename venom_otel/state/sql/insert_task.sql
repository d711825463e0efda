INSERT INTO tasks(id, ended, body) VALUES(:id, :ended, :body);
