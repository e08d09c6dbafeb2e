"""Each command is a thin door to one function."""
