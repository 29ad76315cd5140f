"""A functional model seen as a graph: what runs in which order, and who takes what."""

from __future__ import annotations

from collections import Counter, defaultdict

import keras


class Network:
    """The calls of a flat functional model.

    Args:
        model: The model.
    """

    def __init__(self, model: keras.Model) -> None:
        depths = sorted(model._nodes_by_depth, reverse=True)
        self.nodes = [
            node for depth in depths for node in model._nodes_by_depth[depth] if not node.is_input
        ]
        self._calls = Counter(node.operation for node in self.nodes)
        self._takers = defaultdict(list)
        for node in self.nodes:
            for tensor in node.input_tensors:
                self._takers[id(tensor)].append(node.operation)
        for tensor in model.outputs:
            self._takers[id(tensor)].append(None)

    def called_once(self, layer: keras.Operation) -> bool:
        """Whether a layer has one place in the model, so that changing it changes nothing else."""
        return self._calls[layer] == 1

    def follower(
        self, tensor: keras.KerasTensor, past: tuple[type, ...] = ()
    ) -> keras.Operation | None:
        """What alone takes a tensor, and is called nowhere else.

        Args:
            tensor: A tensor of the model.
            past: Types of layers to look past, to what follows them.

        Returns:
            The layer; None if several take the tensor or it is an output of the model.
        """
        takers = self._takers[id(tensor)]
        if len(takers) != 1 or not self.called_once(takers[0]):
            return None
        (taker,) = takers
        if type(taker) in past and channels_last(taker):
            return self.follower(taker.output, past)
        return taker


def channels_last(layer: keras.Operation) -> bool:
    """Whether a layer takes the last axis for the channels."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return layer.axis in (-1, len(layer.input.shape) - 1)
    return getattr(layer, "data_format", "channels_last") == "channels_last"
