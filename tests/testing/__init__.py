"""The conformance kit on parts that are right, and on the same parts made wrong."""
