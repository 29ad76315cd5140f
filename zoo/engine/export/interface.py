"""What an exported model takes: choices that change the graph's first nodes, not its answers."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.errors import ExportError

OPSETS = range(13, 19)
"""Versions of the ONNX operator set that can be written."""

RESIZE_OPSET = 18
"""The first version whose Resize is antialiased."""

BEST = 17
"""The version of the plainest graphs; runtimes since 2022 read it."""

DTYPES = ("uint8", "float32")
LAYOUTS = ("nhwc", "nchw")
SIZES = ("fixed", "dynamic", "resize")

BATCH, HEIGHT, WIDTH = "batch", "height", "width"
"""Names of the dimensions that the caller chooses."""


@dataclass(frozen=True)
class Interface:
    """Type, layout and dimensions of the input.

    Args:
        dtype: "uint8" or "float32"; the values are 0..255 in any case.
        layout: "nhwc", as pictures lie in memory, or "nchw", which spares the graph's one
            transposition.
        batch: Pictures in a batch; None for any number.
        size: "fixed": the model's own. "dynamic": any, and the model sees as much more of a larger
            picture. "resize": any, brought to the model's own in the graph, as Pillow does it.
        opset: Version of the ONNX operator set; None for the best one.

    Raises:
        ExportError: A value is not accepted, or two do not go together.
    """

    dtype: str = "uint8"
    layout: str = "nhwc"
    batch: int | None = None
    size: str = "fixed"
    opset: int | None = None

    def __post_init__(self) -> None:
        for what, value, accepted in (
            ("input dtype", self.dtype, DTYPES),
            ("layout", self.layout, LAYOUTS),
            ("size", self.size, SIZES),
        ):
            if value not in accepted:
                raise ExportError(
                    f"{what} {value!r} is not accepted", f"accepted: {', '.join(accepted)}"
                )
        if self.opset is not None and self.opset not in OPSETS:
            raise ExportError(
                f"opset {self.opset} is not accepted",
                f"accepted: {OPSETS[0]} to {OPSETS[-1]}; {BEST} is best",
            )
        if self.batch is not None and self.batch < 1:
            raise ExportError(f"a batch of {self.batch} is not accepted", "give 1 or more")
        if self.size != "resize":
            return
        if self.dtype != "uint8" or self.layout != "nhwc":
            raise ExportError(
                f"size 'resize' takes pictures as they are decoded, uint8 and nhwc; received "
                f"{self.dtype} and {self.layout}",
                "leave the input dtype and layout out",
            )
        if self.opset not in (None, RESIZE_OPSET):
            raise ExportError(
                f"size 'resize' needs opset {RESIZE_OPSET}, whose Resize is antialiased; received "
                f"{self.opset}",
                "leave the opset out",
            )

    @property
    def written_opset(self) -> int:
        """The version that the file is written in."""
        return self.opset or (RESIZE_OPSET if self.size == "resize" else BEST)

    @property
    def traced_opset(self) -> int:
        """The version to convert in: from 18 on tf2onnx writes poorer graphs."""
        return min(self.written_opset, BEST)
