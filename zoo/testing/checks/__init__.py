"""The checks, one module a subject; each lists its own in CHECKS, in the order they run."""
