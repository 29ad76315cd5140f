"""What each hostile plugin consists of, and what the doctor must say of it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = """
schema = 1
{top}

[backbone.net]
target = "{package}.nets:net"
{row}
"""

NETS = '''
{top}

def net(inputs, *, width: float = 1.0):
    """One convolution."""
    import keras

    return {{"stage1": keras.layers.Conv2D(4, 3, name="conv")(inputs)}}
'''

HOOKS = """
from zoo.api import hookimpl

{top}

@hookimpl
def {hook}:
    {body}
"""

WITH_HOOKS = 'hooks = "{package}.hooks"'


@dataclass(frozen=True)
class Hostile:
    """One plugin.

    Args:
        name: Entry point, and stem of the distribution `NAME-zoo` and the package `NAME_zoo`.
        says: What `zoo doctor` says of it.
        top: Lines at the top of `registry.toml`.
        row: Lines in the row of its backbone.
        nets: Lines at the top of its module of parts.
        files: Files that stand instead of or beside the usual ones; None leaves one out.
        entry: The line in `entry_points.txt`, by default `NAME = NAME_zoo`.
        metadata: False leaves `METADATA` out.
    """

    name: str
    says: str
    top: str = ""
    row: str = ""
    nets: str = ""
    files: dict[str, str | bytes | None] = field(default_factory=dict)
    entry: str = ""
    metadata: bool = True


def hook(hook: str, body: str = "pass", top: str = "") -> dict[str, str | bytes | None]:
    """A module of hooks."""
    return {"hooks.py": HOOKS.format(hook=hook, body=body, top=top)}


def nets(source: str) -> dict[str, str | bytes | None]:
    """A module of parts."""
    return {"nets.py": textwrap.dedent(source)}


def manifest(text: str | bytes | None) -> dict[str, str | bytes | None]:
    """A manifest."""
    return {"registry.toml": text}


DEF = 'def net(inputs, *, width: float = 1.0):\n    """Net."""\n'

HOSTILE = [
    # what a module does when it is imported
    Hostile("raises", "raises ValueError when imported: no", nets="raise ValueError('no')"),
    Hostile("exits", "raises SystemExit when imported: 3", nets="raise SystemExit(3)"),
    Hostile("kills", "ends the process when imported", nets="import os; os._exit(9)"),
    Hostile("interrupts", "ends the process when imported", nets="raise KeyboardInterrupt"),
    Hostile("prints", "prints when imported", nets="print('hello')"),
    Hostile("writes", "prints when imported", nets="import os; os.write(1, b'hello')"),
    Hostile("hangs", "takes more than", nets="import time; time.sleep(600)"),
    Hostile("sleeps", "s to import", nets="import time; time.sleep(2.5)"),
    Hostile("forks", "forks the process", nets="import os\nif not os.fork(): os._exit(0)"),
    Hostile("forks-on", "forks the process", nets="import os\nos.fork()"),
    Hostile("moves", "changes the working directory", nets="import os; os.chdir('/')"),
    Hostile(
        "halves",
        "changes the global settings of Keras",
        nets="import keras; keras.config.set_dtype_policy('mixed_float16')",
    ),
    Hostile(
        "threads",
        "takes more than",
        nets="import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\ntime.sleep(600)",
    ),
    Hostile(
        "package-raises",
        "raises OSError when imported: no",
        files={"__init__.py": "raise OSError('no')"},
    ),
    Hostile("vanishes", "has no function net", nets="", files=nets(DEF + "    \ndel net\n")),
    # manifests
    Hostile("giant", "bytes, a manifest holds at most", files=manifest("#" * 300_000)),
    Hostile("invalid", "not TOML", files=manifest("schema = ")),
    Hostile("binary", "not a text file in UTF-8", files=manifest(bytes(range(256)))),
    Hostile("absent", "registry.toml is not inside absent_zoo", files=manifest(None)),
    Hostile("deep", "", files=manifest("a = " + "[" * 20_000)),
    Hostile(
        "many",
        "a manifest holds at most 1000 parts",
        files=manifest(
            "schema = 1\n" + "".join(f'[head.h{i}]\ntarget = "a.b:c"\n' for i in range(1001))
        ),
    ),
    Hostile("types", "backbone.net.input", row='input = "big"'),
    Hostile("extra", "unknown key", row="colour = 1"),
    Hostile("newer", "schema 7 is newer", files=manifest("schema = 7")),
    Hostile("banana", "is not a version specifier", top='requires-zoo = "banana"'),
    Hostile("future", "requires zoo >=99", top='requires-zoo = ">=99"'),
    Hostile("loose", "needs sha256 and size", row='weights.a = {{ source = "https://x.org/y" }}'),
    Hostile(
        "upper", "does not match", files=manifest('schema = 1\n[backbone.NET]\ntarget="a.b:c"')
    ),
    Hostile(
        "escapes",
        "there is no",
        files=manifest(
            'schema = 1\n[backbone."net"]\n'
            'target = "escapes_zoo.\\u0007\\u001bgone:net"\npaper = "\\u001b[2J"\n'
        ),
    ),
    Hostile("commandless", "set hooks", files=manifest('schema=1\n[commands]\nlist = "Mine."')),
    # targets
    Hostile("fileless", "there is no nets.py to read", files={"nets.py": None}),
    Hostile("functionless", "net", files=nets("def other(inputs):\n    pass\n")),
    Hostile(
        "outside",
        "lies outside the package",
        files=manifest('schema = 1\n[backbone.net]\ntarget = "os:system"'),
    ),
    Hostile("syntax", "nets.py", files=nets("def net(inputs, *:\n")),
    Hostile("latin", "nets.py", files={"nets.py": DEF.replace("Net.", "Né.").encode("latin-1")}),
    Hostile("stars", "takes *", files=nets(DEF.replace("*, width: float = 1.0", "*args"))),
    Hostile("computed", "width", files=nets(DEF.replace("1.0", "float('1')"))),
    Hostile("silent", "net", files=nets("def net(inputs):\n    pass\n")),
    Hostile("greedy", "takes 2 arguments", files=nets(DEF.replace("inputs", "inputs, more"))),
    # names
    Hostile("reserved", "the namespace 'zoo' is reserved", top='namespace = "zoo"'),
    Hostile("twin-a", "claimed by", top='namespace = "twin"'),
    Hostile("twin-b", "claimed by", top='namespace = "twin"'),
    Hostile("same-a", "is given by", top='namespace = "sa"', entry="same = same_a_zoo"),
    Hostile("same-b", "is given by", top='namespace = "sb"', entry="same = same_b_zoo"),
    Hostile("dotted", "is not the name of a top-level package", entry="dotted = dotted_zoo.nets"),
    Hostile("nowhere", "is not installed, though", entry="nowhere = nowhere_at_all"),
    Hostile("nameless", "raises ValueError", nets="raise ValueError('no')", metadata=False),
    # hooks
    Hostile("outhook", "lies outside the package", top='hooks = "os.path"'),
    Hostile(
        "hookraise",
        "raises OSError when imported",
        top=WITH_HOOKS,
        files={"hooks.py": "raise OSError"},
    ),
    Hostile(
        "hookheavy", "a hook module may not", top=WITH_HOOKS, files={"hooks.py": "import keras"}
    ),
    Hostile("misspelt", "unknown hook", top=WITH_HOOKS, files=hook("zoo_doctor_cheks()")),
    Hostile("argument", "moon", top=WITH_HOOKS, files=hook("zoo_doctor_checks(moon)")),
    Hostile(
        "checkraise", "raised KeyError", top=WITH_HOOKS, files=hook("zoo_doctor_checks()", "{}[1]")
    ),
    Hostile(
        "rubbish",
        "zoo_doctor_checks gave",
        top=WITH_HOOKS,
        files=hook("zoo_doctor_checks()", "return 42"),
    ),
    Hostile(
        "builtraise",
        "",
        top=WITH_HOOKS,
        files=hook("zoo_model_built(model)", "raise RuntimeError('no')"),
    ),
]


def install(site: Path, plugin: Hostile) -> None:
    """Write a plugin as pip would leave it."""
    package = f"{plugin.name.replace('-', '_')}_zoo"
    files: dict[str, str | bytes | None] = {
        "__init__.py": "",
        "registry.toml": MANIFEST.format(
            top=plugin.top.format(package=package), row=plugin.row.format(), package=package
        ),
        "nets.py": NETS.format(top=plugin.nets),
    }
    folder = site / package
    folder.mkdir(parents=True)
    for name, content in (files | plugin.files).items():
        if isinstance(content, str):
            content = content.encode()
        if content is not None:
            (folder / name).write_bytes(content)
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    if plugin.metadata:
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {plugin.name}-zoo\nVersion: 1.0\n"
        )
    entry = plugin.entry or f"{plugin.name} = {package}"
    (info / "entry_points.txt").write_text(f"[zoo]\n{entry}\n")
