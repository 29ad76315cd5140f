"""The executor for accelerators gives on JAX what the oracle says, as it does on TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("jax") is None, reason="needs the extra jax")
def test_the_comparison_with_the_oracle_passes_on_jax():
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "moves or colours",
        HERE.with_name("test_executors.py"),
    ]  # fmt: skip
    done = subprocess.run(
        command, env=os.environ | {"KERAS_BACKEND": "jax"}, cwd=HERE.parents[3],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
