from __future__ import annotations

import subprocess
import sys

import pytest

from zoo.engine import runtime
from zoo.errors import DeviceError


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_tensorflow_starts_without_a_word():
    done = python(
        "from zoo.engine import runtime\n"
        "print(runtime.start('cpu'))\n"
        "import keras, numpy as np, tensorflow as tf\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])\n"
        "model.compile('sgd', 'mse', jit_compile=True)\n"
        "model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)\n"
        "next(iter(tf.data.Dataset.range(30).cache()))\n"
    )
    assert done.stderr == ""
    assert done.stdout == f"cpu ({runtime.cores()} cores)\n"


def test_what_fails_while_it_is_quiet_is_told_after_all():
    done = python(
        "import os\n"
        "from zoo.engine import runtime\n"
        "try:\n"
        "    with runtime._quiet():\n"
        "        os.write(2, b'the reason')\n"
        "        raise ImportError\n"
        "except ImportError:\n"
        "    os.write(2, b' and more')\n"
    )
    assert done.stderr == "the reason and more"


@pytest.mark.parametrize(
    ("text", "index"), [(None, None), ("cpu", None), ("gpu", 0), ("gpu:0", 0), ("gpu:13", 13)]
)
def test_devices_are_read(text: str | None, index: int | None):
    assert runtime.check_device(text) == index


@pytest.mark.parametrize("text", ["", "GPU", "cuda", "gpu:", "gpu:x", "gpu:-1", "cpu:0", " cpu"])
def test_other_words_are_no_device(text: str):
    with pytest.raises(DeviceError) as caught:
        runtime.check_device(text)
    assert caught.value.message == f"no device called {text!r}; devices are cpu, gpu:0, gpu:1 ..."


def test_a_device_that_is_not_there_is_told_with_those_that_are():
    import tensorflow as tf

    count = len(tf.config.list_physical_devices("GPU"))
    there = ", ".join(["cpu", *(f"gpu:{number}" for number in range(count))])
    with pytest.raises(DeviceError) as caught:
        runtime.start("gpu:99")
    assert caught.value.message == f"no device 'gpu:99'; there are: {there}"


def test_the_same_device_may_be_started_again():
    assert runtime.start("cpu") == runtime.start("cpu")


def test_seeded_layers_are_equal():
    import keras

    def kernel(seed: int) -> list[list[float]]:
        runtime.seed(seed)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        return layer.kernel.numpy().tolist()

    assert kernel(1) == kernel(1) != kernel(2)
