"""The schema of a plugin's registry.toml: data that is validated once and never executed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic import model_validator as validator

from zoo.errors import ManifestError

SCHEMA = 1
MAX_BYTES = 256 * 1024
MAX_PARTS = 1000

# A table or a key at the start of a line, and the words of a dotted key.
_HEADER = re.compile(r"\s*\[+([^\]]+)\]")
_ENTRY = re.compile(r"""\s*((?:"[^"]*"|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|[\w-]+))*)\s*=""")
_WORD = re.compile(r"""[\"']([^\"']*)[\"']|([\w-]+)""")

_NAME = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
Text = Annotated[str, StringConstraints(max_length=500)]
Name = Annotated[str, StringConstraints(pattern=_NAME, max_length=64)]
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Target = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$", max_length=200)
]
Size = tuple[Annotated[int, Field(ge=1, le=16384)], Annotated[int, Field(ge=1, le=16384)]]
Channels = tuple[float, float, float]
TapName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
Positive = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=False,
    )


class Normalization(_Table):
    """How RGB 0..255 becomes what the weights expect: (x / scale - mean) / std, in `order`.

    Args:
        order: Order of the channels that the weights were trained on.
        mean: What is taken from each channel, in that order.
        std: What each channel is then divided by, above 0.
        scale: What every channel is divided by first, above 0.
    """

    order: Literal["rgb", "bgr"] = "rgb"
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    scale: Annotated[float, Field(gt=0)] = 1.0

    @validator(mode="after")
    def _std_is_positive(self) -> Normalization:
        if min(self.std) <= 0:
            raise ValueError(f"std must be positive, received {list(self.std)}")
        return self


class WeightsRow(_Table):
    """One `[backbone.NAME.weights.TAG]`.

    Args:
        source: Address: `https://...`, `package://FILE`, or a scheme that a hook resolves.
        sha256: Digest of the file, 64 hexadecimal digits.
        md5: Digest of the file where the publisher gives no better one.
        size: Bytes of the file; `https://` needs it.
        license: SPDX id of the weights, which need not be that of the code.
        format: The converter that reads the file; `keras` for a file of our own layer names.
        normalization: What the weights expect of a picture; it becomes a layer of the model.
        classes: Name of the list of classes of the classifier, such as `imagenet-1k`.
        options: Options of the backbone that these weights need.
        head: The head whose weights the file holds too.
        input: Height and width in pixels that these weights were measured at.
        resize: Shorter side in pixels that a picture was brought to before it was cropped.
        interpolation: How pictures were resized.
        top1: Published top-1 accuracy in percent.
        top5: Published top-5 accuracy in percent.
        measured: Who published the accuracies, and under which transform.
    """

    source: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*://\S+$", max_length=500)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    size: Annotated[int, Field(ge=1)] | None = None
    license: Text = ""
    format: Name = "keras"
    normalization: Normalization = Normalization()
    classes: Text = ""
    options: dict[str, bool | int | float | str] = {}
    head: Text = ""
    input: Size | None = None
    resize: Annotated[int, Field(ge=1, le=16384)] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    top1: Annotated[float, Field(gt=0, le=100)] | None = None
    top5: Annotated[float, Field(gt=0, le=100)] | None = None
    measured: Text = ""

    @validator(mode="after")
    def _is_pinned(self) -> WeightsRow:
        scheme = self.source.split("://", 1)[0]
        if scheme == "http":
            raise ValueError("source must be https, received http")
        if scheme == "https" and (self.sha256 is None or self.size is None):
            raise ValueError("an https source needs sha256 and size")
        if scheme == "file":
            raise ValueError("a file:// is on one machine only: use package:// or https://")
        if scheme == "hf" and (self.sha256 is None or "@" not in self.source):
            raise ValueError("an hf source needs sha256 and ends in @revision")
        if self.top1 is not None and not self.measured:
            raise ValueError("top1 needs measured: who published it, and under which transform")
        if self.sha256 is None and self.md5 is None:
            raise ValueError("weights need a digest: sha256, or md5 where no better one exists")
        return self


class PartRow(_Table):
    """One `[KIND.NAME]`.

    Args:
        target: The function, `package.module:function`, inside the plugin's own package.
        paper: Where it was published.
        license: SPDX id of the code.
        defaults: Values of options that this row sets otherwise than the function does.
    """

    target: Target
    paper: Text = ""
    license: Text = ""
    defaults: dict[str, bool | int | float | str] = {}


class BackboneRow(PartRow):
    """One `[backbone.NAME]`: what an image size and a set of weights add to a part.

    Args:
        target: The function, `package.module:function`, inside the plugin's own package.
        paper: Where it was published.
        license: SPDX id of the code.
        defaults: Values of options that this row sets otherwise than the function does.
        input: Native height and width in pixels.
        minimum: Smallest height and width it accepts.
        parameters: Numbers it stores with every option at its default, without a head.
        macs: Multiply-accumulates of one picture of the native size, without a head.
        taps: Its taps in order, each with its stride and its channels.
        weights: Pretrained weights by tag.
        size_of: A backbone of this manifest of whose function it is another size.
    """

    input: Size = (224, 224)
    minimum: Size | None = None
    parameters: Positive | None = None
    macs: Positive | None = None
    taps: dict[TapName, tuple[Positive, Positive]] = {}
    weights: dict[Name, WeightsRow] = {}
    size_of: Name | None = None


class InterpreterRow(PartRow):
    """One `[interpreter.NAME]`.

    Args:
        target: The function, `package.module:function`, inside the plugin's own package.
        paper: Where it was published.
        license: SPDX id of the code.
        defaults: Values of options that this row sets otherwise than the function does.
        caution: What whoever uses it has to know, said at each use.
        complete: Its maps promise to add up to what the picture adds to the logit over its
            option `baseline`; scores hold it to that.
    """

    caution: Text = ""
    complete: bool = False


class Manifest(_Table):
    """A whole registry.toml of a plugin.

    Args:
        schema_: Version of this form.
        namespace: What stands before the `/` of its names; by default the entry point's name.
        requires_zoo: Versions of zoo it works with, such as `>=0.1,<0.3`.
        hooks: Its module of hooks.
        keras_package: Prefix of the names under which saved models find its layers.
        computes: Kinds of which the hook module gives further parts at run time.
        commands: Command to its one line of help; the hook module gives the command itself.
        xfail: Checks of the conformance kit that are known to fail, with the reason.
        backbone: Its backbones by name.
        head: Its heads by name.
        policy: Its augmentation policies by name.
        interpreter: Its interpreters by name.
    """

    schema_: Annotated[int, Field(alias="schema")]
    namespace: Name | None = None
    requires_zoo: Text = ""
    hooks: Module | None = None
    keras_package: Text = ""
    computes: tuple[Literal["backbone", "head", "policy", "interpreter"], ...] = ()
    commands: dict[Name, Text] = {}
    xfail: dict[Text, Text] = {}
    backbone: dict[Name, BackboneRow] = {}
    head: dict[Name, PartRow] = {}
    policy: dict[Name, PartRow] = {}
    interpreter: dict[Name, InterpreterRow] = {}

    @validator(mode="after")
    def _is_bounded(self) -> Manifest:
        rows = len(self.backbone) + len(self.head) + len(self.policy) + len(self.interpreter)
        if rows > MAX_PARTS:
            raise ValueError(f"a manifest holds at most {MAX_PARTS} parts, received {rows}")
        if self.commands and not self.hooks:
            raise ValueError("commands are given by a hook module: set hooks")
        if self.computes and not self.hooks:
            raise ValueError("parts are computed by a hook module: set hooks")
        return self


def read(path: Path) -> Manifest:
    """Read and validate a manifest.

    Args:
        path: The `registry.toml` inside a plugin's package.

    Returns:
        The manifest.

    Raises:
        ManifestError: It is too large, not TOML, of a newer schema, or breaks the schema.
    """
    return validate(parse(path), path)


def parse(path: Path) -> dict[str, Any]:
    """Read a TOML file of bounded size into plain data, control characters removed."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ManifestError(
                f"{path}: {size} bytes, a manifest holds at most {MAX_BYTES}",
                "split the plugin, or move data out of registry.toml",
            )
        data: dict[str, Any] = _clean(tomllib.loads(path.read_text(encoding="utf-8")))
        return data
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not a text file in UTF-8", "write it as TOML") from error
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{path}: not TOML: {error}", "see toml.io for the syntax") from error
    except RecursionError as error:
        raise ManifestError(f"{path}: nested too deeply", "write plain tables") from error
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}") from error


def validate(data: dict[str, Any], path: Path) -> Manifest:
    """Check plain data against the schema."""
    schema = data.get("schema")
    where = f"{path}:{line_of(path, 'schema')}"
    if isinstance(schema, int) and schema > SCHEMA:
        raise ManifestError(
            f"{where}: schema {schema} is newer than this zoo reads ({SCHEMA})",
            "upgrade keras-zoo",
        )
    if schema != SCHEMA:
        raise ManifestError(
            f"{where}: schema is {schema!r}, accepted is {SCHEMA}",
            f"write schema = {SCHEMA} at the top",
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        faults = [_sentence(fault, path) for fault in error.errors()]
        more = f" (and {len(faults) - 2} more)" if len(faults) > 2 else ""
        raise ManifestError("; ".join(faults[:2]) + more, "correct registry.toml") from error


def line_of(path: Path, *keys: str) -> int:
    """The line of the innermost of these tables and keys that can be told, 1 where none can."""
    found, depth = 1, 0
    table: tuple[str, ...] = ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 1
    for number, line in enumerate(lines, 1):
        if header := _HEADER.match(line):
            place = table = _words(header[1])
        elif entry := _ENTRY.match(line):
            place = (*table, *_words(entry[1]))
        else:
            continue
        shared = min(len(place), len(keys))
        if shared > depth and place[:shared] == keys[:shared]:
            found, depth = number, shared
    return found


def _words(dotted: str) -> tuple[str, ...]:
    """The keys of a dotted key, quoted or not."""
    return tuple(quoted or bare for quoted, bare in _WORD.findall(dotted))


def _sentence(fault: Any, path: Path) -> str:
    keys = [str(key) for key in fault["loc"]]
    where = f"{path}:{line_of(path, *keys)}" if keys else str(path)
    message = fault["msg"]
    if fault["type"] == "value_error":
        message = message.removeprefix("Value error, ")
    elif fault["type"] == "extra_forbidden":
        message = "unknown key"
    elif fault["type"] == "missing":
        message = "missing"
    elif fault["type"] == "string_pattern_mismatch":
        message = f"received {fault['input']!r:.80}, which does not match {fault['ctx']['pattern']}"
    else:
        accepted = message.replace("Input should be", "accepted is", 1)
        message = f"received {fault['input']!r:.80}, {accepted}"
    return f"{where}: {'.'.join(keys)}: {message}" if keys else f"{where}: {message}"


def _clean(value: Any) -> Any:
    """Strings without control characters, which a terminal would obey."""
    if isinstance(value, str):
        return "".join(c for c in value if c.isprintable())
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
