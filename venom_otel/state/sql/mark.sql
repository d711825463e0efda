SELECT value FROM marks WHERE name = :name;
