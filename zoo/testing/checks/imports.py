"""What happens when the module of a part is imported, in a process of its own."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

from zoo import signature
from zoo.probe import probe
from zoo.testing.subject import Subject


def imports_quietly(subject: Subject) -> None:
    """Importing the module does nothing but define: no output, no exit, no changed setting."""
    alone = replace(subject.plugin, parts=(subject.part,), hooks="")
    problems = probe([alone])
    assert not problems, "; ".join(problem.reason for problem in problems)


def signature_is_what_was_read(subject: Subject) -> None:
    """The imported function has the options that its source shows."""
    parameters = inspect.signature(subject.function()).parameters.values()
    options = [(p.name, p.default) for p in parameters if p.kind is p.KEYWORD_ONLY]
    # Of the source, not of the part: its row may set a default of its own.
    source = signature.read(Path(subject.part.file), subject.part.target.split(":")[1])
    read = [(option.name, option.default) for option in source.options]
    assert options == read, f"the source shows {read}, the imported function takes {options}"


CHECKS = (imports_quietly, signature_is_what_was_read)
