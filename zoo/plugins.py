"""The pluggy manager: one plugin's failure is a value, never the end of a command."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from zoo import hooks as specs
from zoo.discovery import Plugin, Problem
from zoo.errors import ManifestError, PluginError, ZooError
from zoo.export_format import ExportFormat
from zoo.part import Part

log = logging.getLogger("zoo")
calls = logging.getLogger("zoo.hooks")
"""Each call of a hook, with its plugin, its seconds and what it gave, at the level DEBUG."""


def trace(wanted: bool) -> None:
    """Log every call of a hook from now on, or no longer, as `--trace-hooks` does."""
    calls.setLevel(logging.DEBUG if wanted else logging.NOTSET)


class ManifestPlugin:
    """A manifest as a pluggy plugin, so that data and behaviour are ordered and blocked alike."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    @pluggy.HookimplMarker("zoo")
    def zoo_parts(self, kind: str) -> Iterable[Part]:
        """The rows of one kind."""
        return [part for part in self.plugin.parts if part.kind == kind]


class Hooks:
    """All plugins under one pluggy manager; hook modules are imported on the first call.

    Args:
        plugins: What discovery found. Only those that are ready take part.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.problems: list[Problem] = []
        self._manager = pluggy.PluginManager("zoo")
        self._manager.add_hookspecs(specs)
        self._plugins = {plugin.name: plugin for plugin in plugins if plugin.state == "ready"}
        self._unloaded = [plugin for plugin in self._plugins.values() if plugin.hooks]
        for plugin in self._plugins.values():
            self._manager.register(ManifestPlugin(plugin), name=f"{plugin.name} (manifest)")

    def parts(self, kind: str) -> list[Part]:
        """Parts of one kind, in the order of the plugins."""
        return [
            part
            for _, parts in self._results("zoo_parts", kind=kind)
            for part in parts
            if isinstance(part, Part)
        ]

    def computed(self, kind: str) -> list[Part]:
        """Parts of one kind that hook modules give at run time; only now are those imported."""
        from zoo.row import compute

        givers = {name for name, plugin in self._plugins.items() if kind in plugin.computes}
        for name in givers:
            self.load(name)
        found = []
        for plugin, rows in self._results("zoo_parts", kind=kind):
            if plugin.name not in givers or not isinstance(rows, Mapping):
                continue
            try:
                found += compute(plugin, kind, rows)
            except ManifestError as error:
                self._fail(plugin, f"zoo_parts: {error.message}", error.hint or "", error)
        return found

    def call(self, hook: str, **arguments: Any) -> list[tuple[Plugin, Any]]:
        """Call a hook in every plugin that implements it.

        Args:
            hook: Name of the hook, one of `zoo.hooks`.
            **arguments: What the hook takes, by name.

        Returns:
            Each plugin with its result, None left out. A plugin that raises is left out, logged
            and kept among `problems`; under `ZOO_STRICT=1` its error is raised.

        Raises:
            ZooError: A plugin refused on purpose, with a message of the family.
        """
        self.load()
        return list(self._results(hook, **arguments))

    def hints(self, error: ZooError) -> list[tuple[Plugin, str]]:
        """What plugins advise about an error.

        An error is told at once: of the modules that were not needed before it, only those are
        imported whose source names the hook.
        """
        for plugin in [plugin for plugin in self._unloaded if _names(plugin, _HINTS)]:
            self.load(only=plugin.name)
        return list(self._results(_HINTS, error=error))

    def load(self, only: str | None = None) -> None:
        """Import the hook modules that are still to be imported, or that of one plugin."""
        waiting, self._unloaded = self._unloaded, []
        for plugin in waiting:
            if only is not None and plugin.name != only:
                self._unloaded.append(plugin)
                continue
            try:
                self._register(plugin)
            except PluginError as error:
                self._fail(plugin, error.message, error.hint or "", error)

    def _register(self, plugin: Plugin) -> None:
        start = time.perf_counter()
        module = import_module(plugin.hooks, plugin)
        calls.debug("%s: imported in %.3f s", plugin.hooks, time.perf_counter() - start)
        name = plugin.name
        try:
            self._manager.register(module, name=name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            # pluggy stores a plugin before it verifies it, so a failed one has to be taken out.
            if self._manager.has_plugin(name):
                self._manager.unregister(name=name)
            raise PluginError(
                f"plugin {name} ({plugin.origin}): {plugin.hooks}: {' '.join(str(error).split())}",
                "a hook is a function named as in zoo.hooks, taking arguments named there",
            ) from error

    def _results(self, hook: str, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        caller = getattr(self._manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            plugin = self._plugins[implementation.plugin_name.removesuffix(" (manifest)")]
            try:
                result = self._ask(hook, plugin, implementation, arguments)
            except _WrongResult as error:
                self._fail(plugin, f"{hook} gave {error}", f"see zoo.hooks.{hook}", error)
                continue
            except (Exception, SystemExit) as error:
                if isinstance(error, ZooError) and hook != _HINTS:
                    raise
                reason = f"{hook} raised {type(error).__name__}: {_first_line(error)}"
                self._fail(plugin, reason, f"report it to the authors of {plugin.origin}", error)
                continue
            if result is not None:
                yield plugin, result

    def _ask(
        self, hook: str, plugin: Plugin, implementation: pluggy.HookImpl, arguments: dict[str, Any]
    ) -> Any:
        """Call one implementation and read its result, which is when a generator runs."""
        outcome, start = "raised", time.perf_counter()
        try:
            result = implementation.function(**{n: arguments[n] for n in implementation.argnames})
            outcome = f"gave {'nothing' if result is None else type(result).__name__}"
            return result if result is None else _READ[hook](result)
        finally:
            if not isinstance(implementation.plugin, ManifestPlugin):
                seconds = time.perf_counter() - start
                who = f"{plugin.name} ({plugin.origin})"
                calls.debug("%s: %s %s in %.3f s", hook, who, outcome, seconds)

    def _fail(self, plugin: Plugin, reason: str, remedy: str, error: BaseException) -> None:
        if os.environ.get("ZOO_STRICT", "") not in ("", "0"):
            raise error
        reason = reason.removeprefix(f"plugin {plugin.name} ({plugin.origin}): ")
        self.problems.append(Problem(plugin.name, plugin.origin, reason, remedy))
        log.warning("plugin %s (%s): %s", plugin.name, plugin.origin, reason)


class _WrongResult(Exception):
    """A hook gave something else than it promises."""


def _text(result: Any) -> str:
    if not isinstance(result, str):
        raise _WrongResult(f"{type(result).__name__}, a text is expected")
    return result


def _path(result: Any) -> Path:
    if not isinstance(result, str | os.PathLike):
        raise _WrongResult(f"{type(result).__name__}, a path is expected")
    return Path(result)


def _list(result: Any) -> list[Any]:
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise _WrongResult(f"{type(result).__name__}, a list is expected")
    return list(result)


def _sentence(result: Any) -> str:
    """One line that a terminal only prints."""
    line = next(iter(_text(result).splitlines()), "")
    return "".join(c for c in line if c.isprintable())[:200]


def _checks(result: Any) -> list[tuple[str, bool, str]]:
    checks = _list(result)
    if not all(isinstance(check, tuple) and len(check) == 3 for check in checks):
        raise _WrongResult("a list of something else than (check, well, advice)")
    return [(str(name), bool(well), str(advice)) for name, well, advice in checks]


def _formats(result: Any) -> list[ExportFormat]:
    formats = _list(result)
    if not all(isinstance(each, ExportFormat) for each in formats):
        raise _WrongResult("a list of something else than zoo.api.ExportFormat")
    return formats


_HINTS = "zoo_error_hints"

_READ: dict[str, Callable[[Any], Any]] = {
    "zoo_parts": lambda result: result if isinstance(result, Mapping) else _list(result),
    "zoo_resolve_weights": _path,
    "zoo_model_built": _text,
    "zoo_callbacks": _list,
    "zoo_model_exported": lambda result: [_path(each) for each in _list(result)],
    "zoo_export_formats": _formats,
    "zoo_commands": _list,
    "zoo_doctor_checks": _checks,
    _HINTS: _sentence,
}


def _names(plugin: Plugin, hook: str) -> bool:
    """Whether the source of a plugin's hook module names a hook."""
    path = Path(plugin.manifest).parent.joinpath(*plugin.hooks.split(".")[1:])
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    try:
        return hook.encode() in path.read_bytes()
    except OSError:
        return False


def import_module(name: str, plugin: Plugin | Part) -> ModuleType:
    """Import a module of a plugin, so that it cannot end or disturb the process.

    Args:
        name: Dotted name.
        plugin: Whose module it is, for the message.

    Returns:
        The module. What it printed while it was imported is logged, never shown as output.

    Raises:
        PluginError: The import raised or tried to exit.
    """
    who = plugin.plugin if isinstance(plugin, Part) else plugin.name
    printed = io.StringIO()
    home, settings = os.getcwd(), keras_settings()  # noqa: PTH109 - compared, not used as a path
    try:
        with contextlib.redirect_stdout(printed):
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"plugin {who} ({plugin.origin}): importing {name} raised "
            f"{type(error).__name__}: {_first_line(error)}",
            f"report it to the authors, or switch it off: ZOO_DISABLE={who}",
        ) from error
    finally:
        if os.getcwd() != home:  # noqa: PTH109
            os.chdir(home)
            log.warning(
                "plugin %s (%s): %s changes the working directory", who, plugin.origin, name
            )
        if settings and keras_settings() != settings:
            restore_keras(settings)
            log.warning("plugin %s (%s): %s changes Keras's settings", who, plugin.origin, name)
        if printed.getvalue():
            log.warning("plugin %s (%s): %s prints when imported", who, plugin.origin, name)
    return module


def keras_settings() -> dict[str, Any]:
    """The global settings of Keras that a stranger's import may not change; empty before Keras."""
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "config"):
        return {}
    return {
        "dtype_policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
    }


def restore_keras(settings: dict[str, Any]) -> None:
    """Set Keras back to what `keras_settings` told."""
    config = sys.modules["keras"].config
    for name, value in settings.items():
        getattr(config, f"set_{name}")(value)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]
