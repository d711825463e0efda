INSERT INTO blocks(id, signal, arrived_ns, first_ns, last_ns, items, first_request, last_request) VALUES(?, ?, ?, ?, ?, ?, ?, ?);
