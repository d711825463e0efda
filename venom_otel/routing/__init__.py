"""A chat service over several: each call goes to the first that answers, and its telemetry says which, and why not the others."""
