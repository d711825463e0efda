SELECT id, digest, bounds FROM streams;
