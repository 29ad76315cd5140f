"""The conformance kit that plugin authors run too.

    # tests/test_acme.py
    from zoo.testing import suite

    TestAcme = suite("zoo-acme", xfail={"head/acme/gem::converts_to_onnx": "no handler yet"})

`zoo plugins check zoo-acme` runs the same checks and prints a table.
"""

from zoo.testing.kit import DEFAULT_LEVELS, KIT_VERSION, LEVELS, Case, Report, Result, run_all
from zoo.testing.suite import suite

__all__ = [
    "DEFAULT_LEVELS",
    "KIT_VERSION",
    "LEVELS",
    "Case",
    "Report",
    "Result",
    "run_all",
    "suite",
]
