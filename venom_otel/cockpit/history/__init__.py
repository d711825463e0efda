"""The history: every request that is stored, filtered, searched and summed up."""
