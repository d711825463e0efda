INSERT INTO points(id, stream, time_ns, start_ns, value, count, low, high, bounds, detail) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
