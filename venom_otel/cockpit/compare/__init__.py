"""The page that puts models and servers side by side."""
