"""One training by several replicas of the model, to the result of one.

"mirrored" has a replica on each GPU of a machine, in one process. "multi-worker" has one in each
of several processes, on one machine or many. Every replica takes its share of each batch, the
gradients are summed, and every worker takes the same step: what a batch, a rate and an epoch are
does not hang on how many there are.
"""
