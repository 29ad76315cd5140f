"""TensorFlow started quietly on the device that was asked for."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = Path("/proc/self/status")

_DEVICE = re.compile(r"cpu|gpu(:(?P<index>\d+))?")


def start(
    device: str | None = None, verbose: bool = False, *, turn: int = 0, every: bool = False
) -> str:
    """Import TensorFlow on one device, without its log messages.

    Call it before anything else of the engine that imports Keras. Later calls in one process may
    ask for the same device again, not for another one once TensorFlow has used it.

    Args:
        device: "cpu", "gpu" or "gpu:N"; None for the first GPU where there is one.
        verbose: Let TensorFlow say what it likes.
        turn: Where no device is named: which of the GPUs, counted on from the first.
        every: Let TensorFlow see all GPUs.

    Returns:
        The device, to be shown: "cpu (2 cores)", "gpu:0 (NVIDIA H200)".

    Raises:
        DeviceError: If there is no such device; the message names those that there are.
    """
    index = check_device(device)
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with nullcontext() if verbose else _quiet():
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
    if not verbose:
        tf.get_logger().setLevel("ERROR")
        logging.getLogger("absl").setLevel("ERROR")
    if device is None and gpus:
        index = turn % len(gpus)
    if index is not None and index >= len(gpus):
        there = ", ".join(["cpu", *(f"gpu:{i}" for i in range(len(gpus)))])
        raise DeviceError(
            f"no device {device!r}; there are: {there}",
            hint=None if gpus else "for NVIDIA GPUs install keras-zoo[gpu] and a driver",
        )
    chosen = gpus if every else [] if index is None else [gpus[index]]
    try:
        tf.config.set_visible_devices(chosen, "GPU")
        for gpu in chosen:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # TensorFlow has initialised its devices already.
        if tf.config.get_visible_devices("GPU") != chosen:
            raise DeviceError(
                f"TensorFlow already runs on another device than {device or 'cpu'}",
                hint="choose the device once, at the start of the process",
            ) from None
    if index is None:
        return f"cpu ({cores()} cores)"
    details = tf.config.experimental.get_device_details(gpus[index])
    return f"gpu:{index} ({details.get('device_name', 'unnamed')})"


def accelerated() -> bool:
    """Whether TensorFlow, once started, computes on a GPU."""
    import tensorflow as tf

    return bool(tf.config.get_visible_devices("GPU"))


def bound_memory() -> None:
    """Let this process ask for what memory there is and no more.

    A batch that does not fit then raises an error; otherwise the system ends a process that it
    chooses, which need not be this one.
    """
    from zoo.engine import machine

    free = machine.available_memory()
    try:
        import resource
    except ImportError:  # Windows has no such module.
        return
    if free is None or not STATUS.is_file():
        return
    data = next(
        int(line.split()[1]) * 1024
        for line in STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        if line.startswith("VmData:")
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [data + int(0.9 * free), *(each for each in (soft, hard) if each >= 0)]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


def check_device(device: str | None) -> int | None:
    """Read a device's name without importing TensorFlow.

    Args:
        device: As `start` takes it.

    Returns:
        The number of a GPU, or None for the CPU or an open choice.

    Raises:
        DeviceError: If the name is no device's.
    """
    match = _DEVICE.fullmatch(device) if device is not None else None
    if device is not None and match is None:
        raise DeviceError(f"no device called {device!r}; devices are cpu, gpu:0, gpu:1 ...")
    if match is None or device == "cpu":
        return None
    return int(match["index"] or 0)


def seed(number: int) -> None:
    """Seed Python, numpy and TensorFlow, for initial weights and dropout.

    Args:
        number: Any integer from 0 to 2**32 - 1.
    """
    import keras

    keras.utils.set_random_seed(number)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what C++ writes to standard error to itself, and give it back if something fails.

    TensorFlow's first messages are written before it reads TF_CPP_MIN_LOG_LEVEL, so the file
    descriptor is the only place to stop them.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(screen, kept.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
