"""What all tests share: a home of their own, and plugins that are really installed."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo import registry


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
