DELETE FROM logs WHERE id BETWEEN :first AND :last;
