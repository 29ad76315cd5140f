"""What the registry knows of a part without running a line of its plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from zoo.option import Option

Kind = Literal["backbone", "head", "policy", "interpreter"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Weights:
    """One set of pretrained weights of a backbone: where they come from and what they expect.

    Args:
        tag: The name after `@`, such as `imagenet`.
        source: Address: `https://...`, `hf://owner/repo/file@revision`, `package://file`, or of a
            scheme that a plugin resolves.
        sha256: Digest of the file, 64 hexadecimal digits; empty where only `md5` is published.
        md5: Digest of the file for sources that publish no better one.
        size: Bytes of the file, 0 where not published.
        license: SPDX id, or empty where the publisher gives none.
        format: The converter that reads the file, `keras` for our own layer names.
        normalization: How RGB 0..255 becomes what the weights expect: order, mean, std, scale.
        classes: Name of the class list of the classifier, or empty.
        options: Options of the backbone that these weights need.
        head: Head that the file's classifier belongs to, or empty where it holds none.
        input: Height and width that the published figures were measured at, or None for those of
            the backbone.
        resize: Pixels that the shorter side is brought to before the centre of `input` is cut out;
            0 where the publisher states none, then pictures are stretched.
        interpolation: Of that resize: `bilinear` or `bicubic`.
        top1: Published accuracy in percent, 0 where unknown.
        top5: The same for the first five.
        measured: Who published the figures, on which pictures and under which transform.
        class_names: Names of the classes of a file that brings its own.
    """

    tag: str
    source: str
    sha256: str = ""
    md5: str = ""
    size: int = 0
    license: str = ""
    format: str = "keras"
    normalization: Mapping[str, Any] = field(default_factory=dict)
    classes: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    head: str = ""
    input: tuple[int, int] | None = None
    resize: int = 0
    interpolation: str = "bilinear"
    top1: float = 0.0
    top5: float = 0.0
    measured: str = ""
    class_names: tuple[str, ...] = ()

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Weights:
        """The weights that plain data describes."""
        facts = dict(facts)
        facts["input"] = tuple(facts["input"]) if facts.get("input") else None
        facts["class_names"] = tuple(facts.get("class_names", ()))
        return cls(**facts)


@dataclass(frozen=True)
class Part:
    """One backbone, head, policy or interpreter, as its manifest and source declare it.

    Args:
        kind: backbone, head, policy or interpreter.
        id: The name users type: `vgg16bn`, or `acme/vgg19bn` outside the namespace `zoo`.
        target: `package.module:function`.
        summary: First line of the function's docstring.
        options: What the user may set, in the order of the signature.
        plugin: Entry-point name of the plugin.
        distribution: Name of the distribution that ships it.
        version: Version of that distribution.
        file: Source file of the function.
        line: Line of its `def`.
        paper: Where it was published.
        license: SPDX id of the code.
        input: Native height and width in pixels, or None.
        minimum: Smallest height and width accepted, or None.
        parameters: Numbers a backbone stores without a head, 0 where its manifest does not say.
        macs: Multiply-accumulates of one picture of the native size, 0 where not said.
        taps: Taps in order, each with its stride and channels, empty where not said.
        weights: Pretrained weights by tag.
        caution: What whoever uses it has to know, or empty.
        complete: Whether an interpreter's maps promise to add up to the logit.
        size_of: The part of which it is another size, or empty.
    """

    kind: Kind
    id: str
    target: str
    summary: str
    options: tuple[Option, ...]
    plugin: str
    distribution: str
    version: str
    file: str
    line: int
    paper: str = ""
    license: str = ""
    input: tuple[int, int] | None = None
    minimum: tuple[int, int] | None = None
    parameters: int = 0
    macs: int = 0
    taps: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    caution: str = ""
    complete: bool = False
    size_of: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the pretrained weights."""
        return tuple(self.weights)

    @property
    def origin(self) -> str:
        """Distribution and version, for messages and tables."""
        return f"{self.distribution} {self.version}"

    def document(self) -> dict[str, Any]:
        """The part as plain data, for `--json` and for the index."""
        facts = {key: value for key, value in vars(self).items() if key not in _NESTED}
        facts["options"] = [option.to_json() for option in self.options]
        facts["weights"] = {tag: asdict(weights) for tag, weights in self.weights.items()}
        return facts

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> Part:
        """The part that `document` described."""
        facts = dict(facts)
        facts["options"] = tuple(Option.from_json(option) for option in facts["options"])
        facts["weights"] = {tag: Weights.read(row) for tag, row in facts["weights"].items()}
        for size in ("input", "minimum"):
            facts[size] = tuple(facts[size]) if facts[size] else None
        facts["taps"] = {name: tuple(tap) for name, tap in facts.get("taps", {}).items()}
        return cls(**facts)


_NESTED = frozenset({"options", "weights"})
