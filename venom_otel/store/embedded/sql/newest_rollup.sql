SELECT max(start) FROM rollups WHERE together = 1 AND width = :width;
