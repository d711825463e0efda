DELETE FROM blocks WHERE id = :block;
