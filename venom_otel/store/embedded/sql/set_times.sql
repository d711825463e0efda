UPDATE blocks SET first_ns = :first_ns, last_ns = :last_ns WHERE id = :block;
