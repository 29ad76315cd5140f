"""One family of exceptions, so that a caller can catch all of zoo or one kind.

    ZooError                  the call is wrong (exit code 2)
    ├── SpecError             a model or part name that cannot be read
    ├── UnknownPart           a name that no plugin provides
    ├── PluginError           a plugin that is broken, blocked or in conflict
    │   └── ManifestError     a registry.toml that breaks the schema
    ├── ConfigError           a configuration file that cannot be used
    ├── RecipeError           a recipe that cannot be read or does not fit the model
    ├── ModelError            a model that cannot be assembled as asked
    ├── PolicyError           an augmentation that cannot be done
    ├── ExplainError          a prediction that cannot be explained as asked
    ├── WeightsError          weights that are missing, altered or do not fit
    ├── DataError             pictures or folders that cannot be used
    ├── RunError              a run folder that is in use, unfinished or not one
    ├── ExportError           a model that cannot be exported
    ├── DeviceError           a device that is not there or is full
    └── Failure               the work ran and found a failure (exit code 1)
        ├── ParityFailure     an exported model differs from its original
        └── HealthFailure     a check of plugins or environment failed
"""

from __future__ import annotations


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


class SpecError(ZooError):
    """A model or part name that cannot be read."""


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


class PolicyError(ZooError):
    """An augmentation that cannot be done."""


class ExplainError(ZooError):
    """A prediction that cannot be explained as asked."""


class WeightsError(ZooError):
    """Weights that are missing, altered or do not fit."""


class DataError(ZooError):
    """Pictures or folders that cannot be used."""


class RunError(ZooError):
    """A run folder that is in use, unfinished or not one."""


class ExportError(ZooError):
    """A model that cannot be exported."""


class DeviceError(ZooError):
    """A device that is not there or is full."""


class Failure(ZooError):
    """The work ran to its end and found a failure."""

    exit_code = 1


class ParityFailure(Failure):
    """An exported model differs from its original."""


class HealthFailure(Failure):
    """A check of plugins or environment failed."""
