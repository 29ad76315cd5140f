"""Measurements as data: what was measured, what came out, how two of them compare.

    case -> (zoo.engine.bench) -> row -> flags, table, page, comparison

Nothing here measures, so that a stored result is read and compared in tenths of a second.
"""
