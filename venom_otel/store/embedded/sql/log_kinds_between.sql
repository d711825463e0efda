SELECT DISTINCT kind FROM logs WHERE id BETWEEN :first AND :last;
