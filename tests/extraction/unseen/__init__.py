"""Papers of suppliers nobody has seen: made up anew from a seed, each with its truth."""
