"""The command line: one command per file; show.py alone prints."""
