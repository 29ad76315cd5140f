"""Lists of classes by name: what the outputs of published classifiers mean.

`imagenet-1k` is the order of keras.applications, timm and torchvision, that of the WordNet ids of
ILSVRC 2012, in the names that torchvision gives them (`torchvision.models._meta`, BSD-3-Clause).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from zoo.part import Part

FOLDER = "classes"
HERE = Path(__file__).with_name(FOLDER)


def read(part: Part, name: str) -> tuple[str, ...] | None:
    """The class names of a list, in the order of the outputs.

    Args:
        part: The backbone whose weights name the list; its plugin may ship it.
        name: Name of the list, such as `imagenet-1k`: the file `classes/NAME.txt` of the plugin's
            package or of zoo, a name a line.

    Returns:
        The names, or None where nobody ships the list.
    """
    package = find_spec(part.target.partition(":")[0].partition(".")[0])
    places = (package and package.submodule_search_locations) or ()
    folders = [Path(place) / FOLDER for place in places]
    for folder in [*folders, HERE]:
        path = folder / f"{name}.txt"
        if name and path.is_file():
            return tuple(path.read_text(encoding="utf-8").splitlines())
    return None
