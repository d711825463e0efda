INSERT INTO logs(id, time_ns, kind) VALUES(?, ?, ?);
