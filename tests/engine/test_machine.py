from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from zoo.engine import machine


def test_facts_are_json_and_name_what_a_figure_depends_on():
    facts = machine.facts()

    assert json.loads(json.dumps(facts)) == facts
    assert facts["cores"] == os.cpu_count()
    assert 1 <= facts["usable_cores"] <= facts["cores"]
    assert facts["packages"]["keras"] == keras.__version__
    assert facts["python"] == ".".join(map(str, sys.version_info[:3]))


def test_asking_imports_no_tensorflow():
    code = (
        "import sys; from zoo.engine import machine; facts = machine.facts();"
        "assert 'tensorflow' not in sys.modules; assert facts['gpus'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_peak_memory_is_that_of_this_process_and_not_of_its_parent():
    code = (
        "from zoo.engine import machine; before = machine.peak_memory(); "
        "block = b'x' * 100_000_000; print(before, machine.peak_memory())"
    )
    ballast = np.ones(50_000_000, "float64")
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    before, after = map(int, child.stdout.split())

    assert before < 200e6 < ballast.nbytes <= machine.peak_memory()
    assert after - before == pytest.approx(100e6, rel=0.1)
