DELETE FROM rollups WHERE width = ? AND start = ? AND series = ? AND ending = ? AND requests <= ? RETURNING requests;
