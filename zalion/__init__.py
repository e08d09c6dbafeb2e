"""The project, and the ground everything stands on."""
