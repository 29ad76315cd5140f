"""A compiled policy: what it draws for a picture, and what the draws make of it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zoo import transform as t
from zoo.engine.augment import matrix, mixing
from zoo.engine.augment.column import Column
from zoo.engine.augment.draw import bits, uniform
from zoo.engine.augment.leaf import Leaf, Leaves
from zoo.engine.augment.program import Program
from zoo.errors import PolicyError

if TYPE_CHECKING:
    import tensorflow as tf
    from keras import KerasTensor

    Array = np.ndarray | tf.Tensor


def compile(transforms: Sequence[t.Transform]) -> Plan:
    """Turn a policy's transforms into a plan.

    Args:
        transforms: What a policy returned, in the order in which a picture undergoes them.

    Returns:
        The plan; of an empty list, one that returns every picture's own bits.

    Raises:
        PolicyError: An entry is no transform, `Fill` stands there twice, or something follows
            what must be last.
    """
    fills = [each for each in transforms if isinstance(each, t.Fill)]
    if len(fills) > 1:
        raise PolicyError(f"a policy has one Fill, received {len(fills)}")
    laid = Leaves.of(transforms)
    mixes = [leaf for leaf in laid.leaves if isinstance(leaf.transform, t.MIX)]
    if mixes and any(leaf not in mixes for leaf in laid.leaves[laid.leaves.index(mixes[0]) :]):
        raise PolicyError("MixUp and CutMix are the last of a policy")
    alone = [leaf for leaf in laid.leaves if leaf not in mixes]
    for leaf in alone:
        for inner in (one for chain in leaf.chains for one in chain):
            if isinstance(inner.transform, (*t.MIX, *t.NORMAL, t.Crop, t.Resize, t.Blend)):
                raise PolicyError(f"a chain of Blend cannot hold {type(inner.transform).__name__}")
    program = Program.of(alone, fills[0] if fills else t.Fill())
    return Plan(tuple(transforms), laid, program, tuple(mixes))


def for_training(
    transforms: Sequence[t.Transform], size: tuple[int, int], cover: Sequence[int] | None = None
) -> Plan | None:
    """Turn a policy into a plan whose pictures a model takes.

    Args:
        transforms: What the policy returned.
        size: Height and width of the model's input.
        cover: As for `Plan.given`.

    Returns:
        The plan; None for no transforms.

    Raises:
        PolicyError: The policy gives no pictures that the model takes.
    """
    if not transforms:
        return None
    plan = compile(transforms)
    plan.given(size, cover)
    return plan


@dataclass(frozen=True)
class Plan:
    """Draws, warp and colour passes of one policy.

    Args:
        transforms: What the policy returned.
        leaves: Its columns, and when each transform is done.
        program: The passes over a picture.
        mixes: The transforms that mix pictures of a batch.
    """

    transforms: tuple[t.Transform, ...]
    leaves: Leaves
    program: Program
    mixes: tuple[Leaf, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What each column of `params` holds."""
        return tuple(self.leaves.columns)

    @property
    def normalizes(self) -> bool:
        """Whether pictures leave 0..255, which what follows must know of."""
        return any(not step.clip for step in self.program.steps)

    @property
    def as_keras(self) -> bool:
        """Whether it repeats ImageDataGenerator, which takes no bytes, and so takes none itself."""
        moves = (leaf.transform for leaf in self.program.geometry)
        return any(isinstance(each, t.GeneratorMoves) for each in moves)

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what comes out."""
        return self.program.output_size((height, width))

    def given(self, size: tuple[int, int], cover: Sequence[int] | None = None) -> tuple[int, int]:
        """Height and width of the pictures that it is to be given for a model.

        Args:
            size: Height and width of the model's input.
            cover: Those of the pictures out of whose centre a model's preprocessing cuts it.

        Returns:
            `cover` where the policy cuts a part of that size out of it, else `size`.

        Raises:
            PolicyError: It gives pictures of another size or range than the model takes.
        """
        if self.normalizes:
            raise PolicyError(
                "the policy takes pictures out of 0..255, where a model expects them and "
                "pictures that are not augmented stay",
                hint="leave normalisation to the model, which does it by itself",
            )
        for height, width in (cover, size) if cover else (size,):
            out = self.output_size(height, width)
            if out == size:
                return height, width
        gives, takes = ("x".join(map(str, each)) for each in (out, size))
        raise PolicyError(
            f"the policy gives pictures of {gives}, the model takes {takes}",
            hint=f"train with --input-size {gives}"
            + (f" --crop-from {takes}" if out < size else "")
            + ", or with other options of the policy",
        )

    # --- the seam to training -------------------------------------------------------------------

    def batch(
        self,
        images: Array,
        labels: Array,
        seed: Array | int,
        epoch: Array | int,
        indices: Array,
        *,
        classes: int,
    ) -> tuple[Array, Array]:
        """Augment a training batch on the CPU and, where pictures are mixed, its labels.

        It works on numpy arrays and, as part of `tf.data.Dataset.map`, on symbolic tensors:

            dataset.map(lambda images, labels, indices: plan.batch(
                images, labels, seed, epoch, indices, classes=10))

        Args:
            images: uint8 or float [N,H,W,3], 0..255; H and W known before the data.
            labels: Class indices, integers [N].
            seed: One per training, 0 to 2**32-1.
            epoch: Which pass over the data; as a tensor where it changes inside a graph.
            indices: Which picture of the data each row is, [N].
            classes: Number of classes.

        Returns:
            Images float32 [N,H,W,3], and the labels as they came or, if `mixes`, shares of the
            classes float32 [N,classes].
        """
        if not _symbolic(images):
            params = self.sample(int(seed), int(epoch), np.asarray(indices))
            return self.mixed(self.render(images, params), labels, params, classes)
        import tensorflow as tf

        done, given = tf.numpy_function(
            lambda *given: self.batch(*given, classes=classes),
            [images, labels, seed, epoch, indices],
            (tf.float32, tf.float32 if self.mixes else labels.dtype),
            stateful=False,
        )
        done.set_shape([images.shape[0], *self.output_size(*images.shape[1:3]), 3])
        given.set_shape([images.shape[0], classes] if self.mixes else labels.shape)
        return done, given

    def prepared(
        self,
        images: Array,
        labels: Array,
        seed: Array | int,
        epoch: Array | int,
        indices: Array,
        *,
        classes: int,
    ) -> tuple[tuple[Array, Array], Array]:
        """Draw for a training batch what `on_device` then does to it, within the compiled step.

        Args:
            images: As for `batch`, as are all others.
            labels: Class indices, integers [N].
            seed: One per training.
            epoch: Which pass over the data.
            indices: Which picture of the data each row is, [N].
            classes: Number of classes.

        Returns:
            The images as they came with the rows of `prepare`, float64 [N,K], and the labels as
            of `batch`.
        """
        size = tuple(images.shape[1:3])

        def drawn(
            labels: np.ndarray, seed: int, epoch: int, indices: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            rows = self.prepare(self.sample(int(seed), int(epoch), indices), *size)
            if self.mixes:
                labels = mixing.labels(labels, rows[:, self.program.stop :], classes)
            return rows, labels

        if not _symbolic(images):
            rows, labels = drawn(labels, seed, epoch, indices)
            return (images, rows), labels
        import tensorflow as tf

        rows, given = tf.numpy_function(
            drawn,
            [labels, seed, epoch, indices],
            (tf.float64, tf.float32 if self.mixes else labels.dtype),
            stateful=False,
        )
        rows.set_shape([images.shape[0], self.width])
        given.set_shape([images.shape[0], classes] if self.mixes else labels.shape)
        return (images, rows), given

    def apply(
        self, images: Array, seed: Array | int, epoch: Array | int, indices: Array | Iterable[int]
    ) -> Array:
        """Augment pictures by themselves; usable eagerly and inside `tf.data.Dataset.map`.

        What a picture becomes depends on seed, epoch and its index alone, whatever the batch.

        Args:
            images: uint8 or float [N,H,W,3], 0..255; H and W known before the data.
            seed: One per training, 0 to 2**32-1.
            epoch: Which pass over the data; as a tensor where it changes inside a graph.
            indices: Which picture of the data each row is, [N].

        Returns:
            float32 [N,H,W,3], 0..255; a numpy array unless `images` is symbolic.

        Raises:
            PolicyError: The policy mixes pictures, whose labels have to be mixed with them.
        """
        if self.mixes:
            kinds = " and ".join(sorted({type(leaf.transform).__name__ for leaf in self.mixes}))
            raise PolicyError(
                f"{kinds} mix labels as well, and here are none",
                hint="use the policy where labelled pictures are trained on, epoch by epoch",
            )
        if not _symbolic(images):
            return self.render(images, self.sample(int(seed), int(epoch), np.asarray(indices)))
        import tensorflow as tf

        done = tf.numpy_function(
            self.apply, [images, seed, epoch, indices], tf.float32, stateful=False
        )
        done.set_shape([images.shape[0], *self.output_size(*images.shape[1:3]), 3])
        return done

    # --- the same in steps ----------------------------------------------------------------------

    def sample(self, seed: int, epoch: int, indices: Array | Iterable[int]) -> np.ndarray:
        """Draw the parameters of each picture: float64 [N,P], one column per `columns`."""
        for value in (seed, epoch):
            if not 0 <= value < 2**32:
                raise PolicyError(f"seed and epoch are from 0 to 2**32-1, received {value}")
        words = bits(seed, epoch, np.asarray(indices), len(self.columns))
        return self.leaves.values(uniform(words))

    @property
    def width(self) -> int:
        """Numbers of one row of `prepare`."""
        return self.program.stop + mixing.WIDTH * len(self.mixes)

    def prepare(self, params: np.ndarray, height: int, width: int) -> np.ndarray:
        """What an executor needs of each picture's parameters: float64 [N,K].

        Raises:
            PolicyError: They are no rows of `sample`.
        """
        params = np.asarray(params, np.float64)
        fits = params.ndim == 2 and params.shape[1] == len(self.columns)
        if not fits or not np.isfinite(params).all():
            received = "NaN or infinite" if fits else list(params.shape)
            raise PolicyError(
                f"parameters are finite numbers, {len(self.columns)} for each picture, "
                f"received {received}"
            )
        rows = self.program.prepare(params, (height, width))
        if not self.mixes:
            return rows
        shown = self.output_size(height, width)
        return np.concatenate([rows, mixing.prepare(self.mixes, params, shown)], axis=1)

    def render(self, images: Array, params: np.ndarray) -> np.ndarray:
        """Apply drawn parameters on the CPU; the same parameters give the same pictures again."""
        from zoo.engine.augment import cpu

        pixels = self.check(np.asarray(images))
        rows = self.prepare(params, *pixels.shape[1:3])
        if self.as_keras:
            pixels = pixels.astype(np.float32)
        return cpu.run(self.program, pixels, rows)

    def mixed(
        self, images: np.ndarray, labels: Array, params: np.ndarray, classes: int
    ) -> tuple[np.ndarray, Array]:
        """Mix rendered pictures of a batch and their labels; both as they are if nothing mixes."""
        if not self.mixes:
            return images, labels
        rows = mixing.prepare(self.mixes, params, images.shape[1:3])
        return mixing.images(self.mixes, images, rows), mixing.labels(labels, rows, classes)

    def on_device(self, images: Array, rows: Array) -> KerasTensor:
        """Apply what `prepare` made on the backend of Keras: in a compiled step, on any device.

        Args:
            images: uint8 or float [N,H,W,3], 0..255.
            rows: What `prepare` made, float64 or float32 [N,K].

        Returns:
            float32 [N,H,W,3], mixed where the policy mixes.
        """
        from zoo.engine.augment import device

        seen = device.run(self.program, images, rows)
        return device.mix(self.mixes, seen, rows[:, self.program.stop :]) if self.mixes else seen

    def matrix(self, params: np.ndarray, height: int, width: int) -> np.ndarray:
        """The output-to-input matrix of each picture, float64 [N,3,3]."""
        moves = [leaf for leaf in self.program.geometry if leaf is not self.program.elastic]
        return matrix.total(moves, np.asarray(params), (height, width))

    def masks(self, masks: np.ndarray, params: np.ndarray, background: int = 0) -> np.ndarray:
        """Move masks as the pictures move, by the nearest pixel: no new label appears.

        Args:
            masks: Whole numbers [N,H,W].
            params: What `sample` drew.
            background: What is seen beyond the border where `Fill` is constant.
        """
        from zoo.engine.augment import cpu

        masks = np.asarray(masks)
        rows = self.prepare(params, *masks.shape[1:3])
        return cpu.masks(self.program, masks, rows, background)

    def check(self, images: np.ndarray) -> np.ndarray:
        """Pictures as the executors take them, or a sentence about what is wrong with them."""
        if images.ndim != 4 or images.shape[3] != 3:
            raise PolicyError(f"pictures are [N,H,W,3], received the shape {list(images.shape)}")
        if images.dtype == np.uint8:
            return images
        if not np.issubdtype(images.dtype, np.floating):
            raise PolicyError(f"pictures are uint8 or float, received {images.dtype}")
        if not images.size:
            return images.astype(np.float32)
        low, high = images.min(), images.max()
        if not np.isfinite([low, high]).all():
            raise PolicyError("pictures hold values that are no finite numbers (NaN or infinite)")
        if low < 0 or high > 255:
            raise PolicyError(
                f"pictures are 0..255, received values from {low:.4g} to {high:.4g}",
                hint="augment before they are normalised",
            )
        if 0 < high <= 1 and self.program.steps:
            what = sorted({type(leaf.transform).__name__ for each in self.program.steps
                           for leaf in each.leaves})  # fmt: skip
            warnings.warn(
                f"pictures reach from {low:.3g} to {high:.3g}, as if they were 0..1; "
                f"{', '.join(what)} take 0..255 and would see black: multiply them by 255",
                stacklevel=3,
            )
        return images.astype(np.float32, copy=False)


def _symbolic(images: Any) -> bool:
    """Whether these are tensors of a graph, without importing TensorFlow for numpy arrays."""
    if isinstance(images, (np.ndarray, list)):
        return False
    import tensorflow as tf

    return cast(bool, tf.is_symbolic_tensor(images))
