"""What telemetry cannot hold: operations and who asked for them, in a small SQLite file of its own."""
