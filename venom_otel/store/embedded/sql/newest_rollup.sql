SELECT max(start) FROM rollups WHERE width = :width;
