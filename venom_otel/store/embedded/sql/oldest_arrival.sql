SELECT arrived_ns FROM blocks WHERE id = (SELECT min(id) FROM blocks);
