"""A model's step as a work: the one place where a target becomes something that runs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo import exported
from zoo.benchmark import target as targets
from zoo.benchmark.document import Agreement, ModelFacts
from zoo.engine.bench import source
from zoo.engine.bench.program import Work
from zoo.errors import BenchError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

    from zoo.benchmark.case import Case
    from zoo.engine.bench.program import Program

# Forward, gradient of the activations, gradient of the weights.
PASSES = {"inference": 1, "train": 3}
COMPARED = 4
"""Pictures of the batch whose answers the correctness guard looks at."""

DTYPES = {"tf32": "float32"}


def backend(name: str) -> Any:
    """The module that compiles steps for a backend."""
    return import_module(f"zoo.engine.bench.on_{name}")


def load(case: Case) -> keras.Model | None:
    """The Keras model of a case; None where the target is an ONNX file.

    Raises:
        BenchError: The case asks of the target what it cannot give.
    """
    if exported.is_one(case.target):
        if case.backend != "onnxruntime" or case.mode != "inference":
            raise BenchError(
                f"{case.target} is an ONNX file, which only onnxruntime runs, and inference only",
                "bench the model that it was exported from",
            )
        return None
    from zoo import registry
    from zoo.engine import anatomy, artefact, assemble

    if not targets.is_name(case.target):
        if case.precision not in ("float32", "tf32"):
            raise BenchError(
                f"{case.target} is stored in the precision it was trained in; asked for "
                f"{case.precision}",
                "leave --precision out, or bench its name",
            )
        model = artefact.load(case.target)
        anatomy.require_rgb(model)
        return model
    parts = registry.load()
    return assemble.assemble(
        parts.resolve(parts.parse(case.target)),
        classes=case.classes,
        input_size=case.input_size,
        dtype=DTYPES.get(case.precision, case.precision),
        seed=0,
    )


def work(case: Case, model: keras.Model | None) -> Work:
    """Compile a case's step.

    Args:
        case: The configuration.
        model: What `load` gave. Training changes its weights under TensorFlow.

    Returns:
        The work.
    """
    if model is None:
        return _of_onnx(case, exported.locate(case.target), None)
    if case.backend == "onnxruntime":
        if case.mode != "inference":
            raise BenchError("onnxruntime trains nothing", "leave --mode train out")
        return _exported(case, model)
    from zoo.engine import anatomy

    parts = anatomy.of(model)
    shape = (case.batch_size, *parts.input_size, 3)
    engine = backend(case.backend)
    compile_step = engine.training if case.mode == "train" else engine.inference
    program = compile_step(model, shape, source.dtype(case), case.jit_compile)
    made = _work(case, program, shape, len(parts.classes), parts.preprocessing)
    about = facts(case, model)
    return replace(
        made,
        model=about,
        gflop=2 * (about.gmacs or 0) * case.batch_size * PASSES[case.mode],
        agreement=lambda: _agreement(case, program, shape, lambda: _reference(case, model)),
        device_memory=engine.device_memory,
    )


def _work(
    case: Case, program: Program, shape: tuple[int, ...], classes: int, preprocessing: Any
) -> Work:
    give = source.of(case, program, shape, classes, preprocessing)
    images, truth = source.pictures(shape, source.dtype(case)), source.labels(shape[0], classes)
    kept = program.put(images), program.put(truth)
    travels = case.source != "device"
    return Work(
        launch=lambda: program.launch(*give()),
        count=case.batch_size,
        wait=program.wait,
        drain=program.drain,
        asynchronous=program.asynchronous,
        settings=program.settings,
        source=give if travels else None,
        resident=(lambda: program.wait(program.launch(*kept))) if travels else None,
    )


def _exported(case: Case, model: keras.Model) -> Work:
    from zoo.engine.export import export

    with tempfile.TemporaryDirectory(prefix="zoo-bench-") as folder:
        out = Path(folder, "onnx")
        export(model, out)
        made = _of_onnx(case, out / exported.MODEL, model)
    about = facts(case, model)
    batch_norms = made.model.batch_norms if made.model else 0
    return replace(
        made,
        model=about.model_copy(update={"batch_norms": batch_norms, "dtype": "float32"}),
        gflop=2 * (about.gmacs or 0) * case.batch_size,
    )


def _of_onnx(case: Case, path: Path, model: keras.Model | None) -> Work:
    from zoo.engine.bench import on_onnxruntime

    program, shape = on_onnxruntime.inference(path, case.batch_size)
    about = on_onnxruntime.facts(path, shape[1:3])
    made = _work(case, program, shape, about.classes, {})
    if model is not None:
        made = replace(made, agreement=lambda: _agreement(case, program, shape, lambda: model))
    return replace(made, model=about, gflop=2 * (about.gmacs or 0) * case.batch_size)


def facts(case: Case, model: keras.Model) -> ModelFacts:
    """What is known of a Keras model.

    Args:
        case: Names it, where it bears no name of zoo's.
        model: The model.
    """
    import keras

    from zoo.engine import anatomy, cost

    parts = anatomy.of(model)
    try:
        costs = cost.of(model)
    except (ModelError, AttributeError, ValueError):  # layers nested or used twice
        costs = None
    return ModelFacts(
        name=parts.spec or case.target,
        parameters=model.count_params(),
        gmacs=costs.total("macs") / 1e9 if costs else None,
        activation_bytes=costs.total("activation_bytes") if costs else None,
        weight_bytes=costs.weight_bytes if costs else None,
        input_size=list(parts.input_size),
        classes=len(parts.classes),
        batch_norms=sum(
            isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers
        ),
        dtype=_compute_type(model),
    )


def _compute_type(model: keras.Model) -> str:
    """The policy that most layers have; logits are float32 in any case."""
    names = [layer.dtype_policy.name for layer in model.layers]
    return max(set(names), key=names.count)


def _reference(case: Case, model: keras.Model) -> keras.Model:
    """The same weights in float32."""
    if case.precision in ("float32", "tf32"):
        return model
    twin = load(case.model_copy(update={"precision": "float32"}))
    assert twin is not None
    twin.set_weights(model.get_weights())
    return twin


def _agreement(
    case: Case, program: Program, shape: tuple[int, ...], reference: Callable[[], keras.Model]
) -> Agreement | None:
    """Compare what the timed function answers with the same weights, called layer by layer."""
    if program.answer is None:
        return None
    images = source.pictures(shape, source.dtype(case))
    given = program.answer(program.launch(program.put(images), None))[:COMPARED]
    expected = _plainly(reference(), images[:COMPARED])
    return compared(np.asarray(given, "float64"), expected)


def compared(given: np.ndarray, expected: np.ndarray) -> Agreement:
    """How far two sets of probabilities [N, classes] agree."""
    if given.shape[1] == 1:
        same = (given > 0.5) == (expected > 0.5)
    else:
        same = given.argmax(1) == expected.argmax(1)
    difference = np.abs(given - expected).max()
    even = 1 / max(given.shape[1], 2)
    said = max(np.linalg.norm(expected - even), np.finfo("float32").eps)
    relative = np.linalg.norm(given - expected) / said
    return Agreement(
        top1=float(same.mean()),
        max_difference=float(difference) if np.isfinite(difference) else 1.0,
        relative_difference=float(relative) if np.isfinite(relative) else 1.0,
        pictures=len(given),
        reference="the same weights in float32, not compiled",
    )


def _plainly(model: keras.Model, images: np.ndarray) -> np.ndarray:
    import keras

    return keras.ops.convert_to_numpy(model(images, training=False)).astype("float64")
