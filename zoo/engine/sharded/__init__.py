"""One job done by many workers, to the same bytes whatever their number.

A manifest is cut into shards, workers make a part of each, and the parts are merged in order:

    job -> cut -> driver -> (local | on_ray) -> worker -> task -> part -> merge

`run.merged` is the whole of it; a task says what is done to the rows of a shard.
"""
