SELECT kind, bounds FROM streams WHERE id = :stream;
