"""Starts, stops and restarts model servers by the commands that the settings name, and knows the processes it started."""
