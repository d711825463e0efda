DELETE FROM rollups WHERE together = ? AND width = ? AND start = ? AND series = ? AND ending = ? AND requests <= ? RETURNING requests;
