SELECT min(start) FROM rollups WHERE together = 1 AND width = 1;
