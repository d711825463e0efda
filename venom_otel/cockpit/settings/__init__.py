"""What is configured, and from where."""
