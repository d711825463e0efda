"""What building and testing this repository needs, beyond the package itself. Nothing here is shipped in the wheel."""
