DELETE FROM payloads WHERE block = :block;
