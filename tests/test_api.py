"""What a plugin may import: everything promised is there, and nothing heavy comes with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import zoo.api


def test_every_promised_name_is_there():
    for name in zoo.api.__all__:
        assert getattr(zoo.api, name) is not None


def test_a_wrong_name_says_so():
    with pytest.raises(AttributeError, match=r"^module 'zoo\.api' has no attribute 'gradients'$"):
        zoo.api.gradients  # noqa: B018


def test_hooks_are_marked_for_this_project():
    @zoo.api.hookimpl
    def zoo_something():
        """A hook of a plugin."""

    assert zoo_something.zoo_impl["specname"] is None


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, zoo.api, zoo_augment.light, zoo_augment.none;"
        "print({'keras', 'tensorflow', 'numpy', 'pydantic', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
