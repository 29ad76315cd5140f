"""One family of exceptions, so that a caller can catch all of zoo or one kind.

| class                 | says                                                         |
|-----------------------|--------------------------------------------------------------|
| ZooError              | the call is wrong (exit code 2)                              |
| +- SpecError          | a model or part name that cannot be read                     |
| +- UnknownPart        | a name that no plugin provides                               |
| +- PluginError        | a plugin that is broken, blocked or in conflict              |
| |  +- ManifestError   | a registry.toml that breaks the schema                       |
| +- ConfigError        | a configuration file that cannot be used                     |
| +- RecipeError        | a recipe that cannot be read or does not fit the model       |
| +- ModelError         | a model that cannot be assembled as asked                    |
| +- SurgeryError       | a change to a network that cannot be made                    |
| +- PolicyError        | an augmentation that cannot be done                          |
| +- ExplainError       | a prediction that cannot be explained as asked               |
| +- WeightsError       | weights that are missing, altered or do not fit              |
| +- DataError          | pictures or folders that cannot be used                      |
| |  +- Unreachable     | what lies elsewhere and does not answer, or lets nobody in   |
| +- RunError           | a run folder that is in use, unfinished or not one           |
| +- ExportError        | a model that cannot be exported                              |
| +- DeviceError        | a device that is not there or is full                        |
| +- ClusterError       | workers that do not find each other or are not alike         |
| +- BenchError         | a measurement that cannot be made, read or compared          |
| +- ShardError         | sharded work that cannot begin or go on                      |
| +- Failure            | the work ran and found a failure (exit code 1)               |
|    +- ParityFailure   | an exported model differs from its original                  |
|    +- SurgeryFailure  | a changed network differs from its original                  |
|    +- HealthFailure   | a check of plugins or environment failed                     |
|    +- ShardFailure    | shards that no worker could finish                           |
|    +- WorkerLost      | a worker of a training is gone (exit code 75)                |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class ZooError(Exception):
    """Root of the family: a message, and a hint that says what to do.

    Args:
        message: What was received and what is accepted.
        hint: What to do about it, or None.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a name.

    Args:
        message: What was received and what is accepted.
        column: Where, in characters from the start of the name.
        hint: What to do about it.
    """

    message: str
    column: int
    hint: str | None = None

    def render(self, text: str) -> str:
        """Draw the fault under the name that has it."""
        # Only ASCII is as wide everywhere as the caret's line assumes.
        shown, caret = _ascii(text), len(_ascii(text[: self.column]))
        if caret > 70:  # a long name would wrap, and the caret point nowhere
            shown, caret = f"...{shown[caret - 40 :]}", 43
        if len(shown) > 90:
            shown = f"{shown[:87]}..."
        drawing = f"{self.message}\n  {shown}\n  {' ' * caret}^"
        return drawing if self.hint is None else f"{drawing}\n  hint: {self.hint}"


def _ascii(text: str) -> str:
    """Spell what is wide, invisible or a control character as an escape."""
    return "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)


class SpecError(ZooError):
    """A model or part name that cannot be read.

    Args:
        message: The first fault.
        hint: What to do about it.
        text: The name, where its characters are at fault.
        faults: All that is wrong with it, in the order of their columns.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        text: str | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(message, hint)
        self.text = text
        self.faults = tuple(faults)

    def __str__(self) -> str:
        if self.text is None or not self.faults:
            return super().__str__()
        return "\nalso: ".join(fault.render(self.text) for fault in self.faults)


class UnknownPart(ZooError):
    """A name that no plugin provides."""


class PluginError(ZooError):
    """A plugin that is broken, blocked or in conflict."""


class ManifestError(PluginError):
    """A registry.toml that breaks the schema."""


class ConfigError(ZooError):
    """A configuration file that cannot be used."""


class RecipeError(ZooError):
    """A recipe that cannot be read or does not fit the model."""


class ModelError(ZooError):
    """A model that cannot be assembled as asked."""


class SurgeryError(ZooError):
    """A change to a network that cannot be made."""


class PolicyError(ZooError):
    """An augmentation that cannot be done."""


class ExplainError(ZooError):
    """A prediction that cannot be explained as asked."""


class WeightsError(ZooError):
    """Weights that are missing, altered or do not fit."""


class DataError(ZooError):
    """Pictures or folders that cannot be used."""


class Unreachable(DataError):
    """What lies elsewhere and does not answer, or lets nobody in."""


class RunError(ZooError):
    """A run folder that is in use, unfinished or not one."""


class ExportError(ZooError):
    """A model that cannot be exported."""


class DeviceError(ZooError):
    """A device that is not there or is full."""


class ClusterError(ZooError):
    """Workers that do not find each other or are not alike."""


class BenchError(ZooError):
    """A measurement that cannot be made, read or compared."""


class ShardError(ZooError):
    """Sharded work cannot begin, or cannot go on, as asked."""


class Failure(ZooError):
    """The work ran to its end and found a failure."""

    exit_code = 1


class ParityFailure(Failure):
    """An exported model differs from its original."""


class SurgeryFailure(Failure):
    """A changed network differs from its original."""


class HealthFailure(Failure):
    """A check of plugins or environment failed."""


class ShardFailure(Failure):
    """Shards that no worker could finish."""


class WorkerLost(Failure):
    """A worker of a training is gone; what it and the others did can be gone on with."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: the same call may go well another time.
