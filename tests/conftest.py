"""What all tests share: a home of their own, and plugins that are really installed."""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from zoo import registry

if TYPE_CHECKING:
    import keras

# How fast a machine is at the moment says nothing of the code.
settings.register_profile("zoo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zoo")


@pytest.fixture(autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """No test reads or writes the configuration or cache of the person who runs it."""
    folder = tmp_path_factory.getbasetemp() / "home"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("ZOO_CACHE", str(folder / "cache"))
    monkeypatch.setenv("ZOO_CONFIG", str(folder / "no-such.toml"))
    for name in ("ZOO_REGISTRY", "ZOO_DISABLE", "ZOO_NO_PLUGINS", "ZOO_STRICT", "ZOO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    registry.refresh()
    yield folder
    registry.refresh()


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Draws a folder of so many pictures of 16 x 16 pixels: noise, and so much red or blue."""
    import numpy as np
    from PIL import Image

    def drawn(count: int, noise: int = 100, tint: int = 120) -> Path:
        draws = np.random.default_rng(0)
        root = tmp_path_factory.mktemp("set") / "colours"
        for number in range(count):
            name, channel = (("blue", 2), ("red", 0))[number % 2]
            pixels = draws.integers(0, noise, (16, 16, 3))
            pixels[..., channel] += tint
            place = root / name
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")
        return root

    return drawn


@pytest.fixture
def memory() -> Iterator[Any]:
    """What is elsewhere, and needs no server: memory://, of this process alone."""
    files = pytest.importorskip("fsspec").filesystem("memory")
    yield files
    files.rm("/", recursive=True)


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution: a package, its files and its metadata on the import path."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install(
        distribution: str,
        files: dict[str, str | bytes],
        *,
        package: str | None = None,
        version: str = "0.3",
        entry: str | None = None,
    ) -> Path:
        package = package or distribution.replace("-", "_")
        folder = site / package
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(textwrap.dedent(content))
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        name = entry or distribution
        line = name if "=" in name else f"{name} = {package}"
        (info / "entry_points.txt").write_text(f"[zoo]\n{line}\n")
        (info / "RECORD").write_text("")
        registry.refresh()
        return folder

    yield install
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", "") and str(site) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


ACME = {
    "registry.toml": """
        schema = 1

        [backbone.tiny]
        target = "acme_zoo.parts:tiny"
        input = [32, 32]

        [head.pooled]
        target = "acme_zoo.parts:pooled"
    """,
    "parts.py": '''
        def tiny(inputs, *, width: float = 1.0):
            """One convolution.

            More words.
            """
            import keras

            return {"stage1": keras.layers.Conv2D(int(8 * width), 3, name="conv")(inputs)}


        def pooled(features, num_classes, *, dropout: float = 0.0):
            """Global average pooling and one dense layer."""
            import keras

            last = list(features.values())[-1]
            pooled = keras.layers.GlobalAveragePooling2D(name="head_pool")(last)
            return keras.layers.Dense(num_classes, name="logits", dtype="float32")(pooled)
    ''',
}


@pytest.fixture
def acme(install: Install) -> Path:
    """A well-made plugin `acme` of the distribution `acme-zoo`."""
    return install("acme-zoo", ACME, entry="acme")


# -- a model whose answers can be worked out by hand, and pictures to ask it about

COLOURS = ("blue", "green", "red")
CHANNEL = {"red": 0, "green": 1, "blue": 2}
PIXELS = {
    "train/red/0.png": (200, 0, 0),
    "train/green/0.png": (0, 200, 0),
    "train/blue/0.png": (0, 0, 200),
    "val/red/0.png": (220, 0, 0),
    "val/green/0.png": (0, 220, 0),
    "val/blue/0.png": (0, 0, 220),
    "test/red/0.png": (250, 0, 0),
    "test/red/1.png": (0, 0, 250),  # a blue one, filed under red
    "test/red/2.png": (120, 60, 0),
    "test/green/0.png": (0, 250, 0),
    "test/green/1.png": (60, 120, 60),
    "test/blue/0.png": (0, 0, 250),
    "test/blue/1.png": (0, 60, 120),
}


@pytest.fixture(scope="session")
def colour_model() -> keras.Model:
    """Softmax over the mean of each channel, divided by 100: a picture's class is its colour."""
    import keras
    import numpy as np

    from zoo.engine.anatomy import Anatomy

    image = keras.Input((8, 8, 3), name="image", dtype="float32")
    scaled = keras.layers.Rescaling(0.01, name="normalize")(image)
    same = keras.layers.Conv2D(3, 1, use_bias=False, name="same")
    mean = keras.layers.GlobalAveragePooling2D(name="pool")(same(scaled))
    dense = keras.layers.Dense(3, use_bias=False, name="logits")
    probabilities = keras.layers.Activation("softmax", name="probabilities")(dense(mean))
    model = keras.Model(image, probabilities, name="colours")
    kernel = np.zeros((3, 3), "float32")
    for index, colour in enumerate(COLOURS):
        kernel[CHANNEL[colour], index] = 1.0
    dense.set_weights([kernel])
    same.set_weights([np.eye(3).reshape(1, 1, 3, 3)])
    model.zoo_anatomy = Anatomy(
        spec="colour+mean",
        taps={"stage1": "same"},
        classes=COLOURS,
        input_size=(8, 8),
        normalization={"order": "rgb", "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 100.0},
    )
    return model


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Pictures of one colour each: seven to test on, of which the model gets six right."""
    from PIL import Image

    root = tmp_path / "colours"
    for name, pixel in PIXELS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), pixel).save(path)
    return root


@pytest.fixture
def answer() -> Callable[[tuple[int, int, int]], dict[str, float]]:
    """What the colour model must say of a picture of one colour."""

    def answer(pixel: tuple[int, int, int]) -> dict[str, float]:
        scores = {name: math.exp(pixel[CHANNEL[name]] / 100) for name in COLOURS}
        return {name: score / sum(scores.values()) for name, score in scores.items()}

    return answer


@pytest.fixture
def colour_run(tmp_path: Path, colours: Path, colour_model: keras.Model) -> Path:
    """A finished run of the colour model."""
    from zoo.engine import artefact
    from zoo.engine import run as runs

    facts = {
        "spec": "colour+mean",
        "resolved": {},
        "classes": list(COLOURS),
        "input_size": [8, 8],
        "dtype": "float32",
        "policy": None,
        "recipe": "scratch",
        "seed": 0,
        "device": "cpu (2 cores)",
        "data": {
            "root": str(colours),
            "pictures": {"train": 3, "val": 3, "test": 7},
            "digest": "0",
        },
        "versions": {"keras": "3.15.1"},
        "parameters": 18,
        "created": "2026-01-02T03:04:05+00:00",
        "timings": {"total": 12.3},
    }
    with runs.create(tmp_path / "run", facts) as draft:
        artefact.save(colour_model, draft.model)
        draft.write(
            "history.csv",
            "phase,epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
            "head,1,2.0,0.5,2.5,0.4,0.001,1.5\n"
            "head,2,1.0,0.7,1.5,0.6,0.001,1.5\n"
            "all,3,0.5,0.9,1.0,0.8,0.0001,2.5\n",
        )
    return tmp_path / "run"
