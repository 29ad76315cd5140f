"""The result of a measurement as a document: its schema, reading and writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from zoo import output, remote
from zoo.benchmark.case import Case, Table
from zoo.errors import BenchError

SCHEMA = 3


class Spread(Table):
    """Durations of steps in seconds.

    Args:
        n: How many.
        mean: Their mean.
        p50: Their median, the headline.
        mad: Median distance from the median.
        low: Lower end of the 95 % interval of the median; None for fewer than 6.
        high: Its upper end.
        p90: Percentile, None where n cannot support it; so are the next two.
        p95: Percentile.
        p99: Percentile.
        max: The longest.
        quantiles: 0, 5 ... 100 %, to draw the distribution.
    """

    n: int
    mean: float
    p50: float
    mad: float
    low: float | None
    high: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    max: float
    quantiles: list[float]


class ModelFacts(Table):
    """What is known of the model.

    Args:
        name: Its canonical name, or the target's.
        parameters: Numbers stored.
        gmacs: Multiply-accumulates of convolutions and dense layers for one picture, 1e9.
        activation_bytes: Of all that its layers put out for one picture.
        weight_bytes: Of all that is stored.
        input_size: Height and width.
        classes: Number of classes.
        batch_norms: Layers of batch normalisation, 0 where they were folded.
        dtype: Type that the layers compute in.
    """

    name: str
    parameters: int | None
    gmacs: float | None
    activation_bytes: int | None = None
    weight_bytes: int | None = None
    input_size: list[int]
    classes: int
    batch_norms: int
    dtype: str


class Agreement(Table):
    """The timed function's answers beside those of the same weights in float32, not compiled.

    Args:
        top1: Share of pictures whose likeliest class is the same.
        max_difference: Largest difference of a probability.
        relative_difference: How far all probabilities lie from the others, as a share of how far
            those lie from even ones: what tells a wrong model even where none is sure.
        pictures: How many were compared.
        reference: What gave the others.
    """

    top1: float
    max_difference: float
    relative_difference: float
    pictures: int
    reference: str


class Input(Table):
    """The way of pictures to the model, measured alone and together with it.

    Args:
        images_per_second: What the source gives while no model runs.
        model_images_per_second: What the model takes from the device while no source runs.
        bottleneck: `input`, `model`, or `both`, where the two compete for the same cores.
    """

    images_per_second: float
    model_images_per_second: float
    bottleneck: str


class Row(Table):
    """One configuration, measured.

    Args:
        case: The configuration.
        error: Why there is no measurement, e.g. that the batch does not fit.
        model: Facts of the model.
        device: Where it ran.
        settings: What was resolved: XLA, TF32, layout, threads, providers.
        phases: Seconds of import, build, trace, first step, warm-up and steady state.
        warm_up_steps: Steps before time was taken.
        steady: Whether they had become steady.
        step_seconds: Each step waited for: latency.
        window_seconds: A step's share of windows waited for at their end: throughput of a device
            that works on while Python prepares the next step. None where a call returns when done.
        images_per_second: The batch over the median; `case.unit` names what is counted.
        gflops_per_second: 2 x MACs of all passes over the median.
        share_of_peak: Of the matrix product timed on the same device.
        first_step: The first timed step over the median.
        drift: Median of the last tenth of steps over that of the first, less one.
        lost: Share of wall time that the steps' durations do not account for, the wait for the
            device after the last of them included.
        foreign_load: Share of the machine's cores that other processes took meanwhile.
        peak_memory_bytes: Of the host, since the model was built.
        device_memory_bytes: Of the device, where it tells.
        joules_per_image: Where the device tells.
        agreement: The correctness guard.
        input: The way of the pictures.
        runs: Images per second of each run, if it was repeated; the row is the median run.
        figures: Further figures of a subject, e.g. bytes of an export.
        flags: What makes the figure doubtful, a sentence each.
    """

    case: Case
    error: str | None = None
    model: ModelFacts | None = None
    device: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    phases: dict[str, float] = Field(default_factory=dict)
    warm_up_steps: int | None = None
    steady: bool | None = None
    step_seconds: Spread | None = None
    window_seconds: Spread | None = None
    images_per_second: float | None = None
    gflops_per_second: float | None = None
    share_of_peak: float | None = None
    first_step: float | None = None
    drift: float | None = None
    lost: float | None = None
    foreign_load: float | None = None
    peak_memory_bytes: int | None = None
    device_memory_bytes: int | None = None
    joules_per_image: float | None = None
    agreement: Agreement | None = None
    input: Input | None = None
    runs: list[float] = Field(default_factory=list)
    figures: dict[str, float] = Field(default_factory=dict)
    flags: list[str] = Field(default_factory=list)

    @property
    def intensity(self) -> float | None:
        """Operations for each byte of memory, if every layer's output is written and read once."""
        about = self.model
        if about is None or not about.gmacs or not about.activation_bytes:
            return None
        count = self.case.batch_size
        moved = 2 * about.activation_bytes * count + (about.weight_bytes or 0)
        return 2e9 * about.gmacs * count / moved

    @property
    def name(self) -> str:
        """The canonical name of what was measured."""
        return self.model.name if self.model and self.case.subject == "model" else self.case.target


class Peak(Table):
    """The device's own limits, measured in the same run.

    Args:
        backend: What calculated.
        precision: Type of the product.
        threads: Cores that the process could use; None for all.
        gemm_gflops: Of a product of square matrices, 1e9 operations a second.
        copy_gbytes: Bytes read and written by a copy, 1e9 a second.
    """

    backend: str
    precision: str
    threads: int | None
    gemm_gflops: float
    copy_gbytes: float

    def holds_for(self, case: Case) -> bool:
        """Whether it limits a configuration; ONNX Runtime is held to TensorFlow's."""
        backend = "tensorflow" if case.backend == "onnxruntime" else case.backend
        return (backend, case.precision, case.threads) == (
            self.backend,
            self.precision,
            self.threads,
        )


class Document(Table):
    """Rows measured on one machine.

    Args:
        schema_version: Of this document, key `schema`.
        created: When, UTC, ISO 8601.
        machine: What `zoo.engine.machine.facts` tells.
        peaks: Limits of the device, by what calculates.
        rows: One a configuration.
    """

    schema_version: int = Field(SCHEMA, alias="schema")
    created: str
    machine: dict[str, Any]
    peaks: list[Peak] = Field(default_factory=list)
    rows: list[Row] = Field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)

    def peak(self, case: Case) -> Peak | None:
        """The limits that hold for a configuration, if they were measured."""
        return next((peak for peak in self.peaks if peak.holds_for(case)), None)


def read(path: str | Path) -> Document:
    """Read a result.

    Args:
        path: A file that `zoo bench --out FILE.json` wrote, here or elsewhere.

    Raises:
        BenchError: It is not there, no result, or of another schema.
        DataError: As `remote.fetched`.
    """
    try:
        with remote.fetched(path) as file:
            facts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise BenchError(f"{path} is no JSON", "give a file that zoo bench --out wrote") from None
    if not isinstance(facts, dict) or "schema" not in facts or "rows" not in facts:
        raise BenchError(f"{path} is no result of zoo bench", "give a file that --out wrote")
    if facts["schema"] != SCHEMA:
        raise BenchError(
            f"{path} has schema {facts['schema']!r}, this zoo reads {SCHEMA}",
            "measure again, or read it with the version of zoo that wrote it",
        )
    try:
        return Document.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BenchError(f"{path} is damaged: {place}: {first['msg']}") from None


def write(document: Document, name: str | Path) -> None:
    """Write a result as JSON; see `save`."""
    save(json.dumps(document.plain(), indent=2, ensure_ascii=False) + "\n", name)


def save(text: str, name: str | Path) -> None:
    """Write text to a file, here or elsewhere, whole or not at all.

    Raises:
        BenchError: The file cannot be written.
        DataError: As `remote.put`.
    """
    try:
        with output.written(name) as path:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"{name} cannot be written: {error.strerror or error}") from None
