SELECT (SELECT min(id) FROM requests), (SELECT max(id) FROM requests);
