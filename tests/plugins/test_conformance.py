"""Our own plugins pass the kit that everybody's pass, with no exception hidden."""

import pytest

from zoo.registry import load
from zoo.testing import suite

# Small models and no models: all levels, every time.
TestAugment = suite("augment")
TestCompact = suite("compact")
TestHeads = suite("heads")
TestTensorboard = suite("tensorboard")
TestTriton = suite("triton")

# Large or many ones are read every time, and all built, trained and exported in the slow tests.
READ = ("static", "import")
TestInterpretRead = suite("interpret", levels=("static",))
TestApplicationsRead = suite("applications", levels=("static",))
TestInceptionRead = suite("inception", levels=READ)
TestResnetRead = suite("resnet", levels=READ)
TestVggRead = suite("vgg", levels=READ)

BUILT = ("build", "train", "export")
TestInception = pytest.mark.slow(suite("inception", levels=BUILT, every_size=True))
TestInterpret = pytest.mark.slow(suite("interpret", levels=("import", *BUILT)))
TestResnet = pytest.mark.slow(suite("resnet", levels=BUILT, every_size=True))
TestVgg = pytest.mark.slow(suite("vgg", levels=BUILT, every_size=True))
TestApplications = pytest.mark.slow(
    suite("applications", levels=("import", *BUILT), every_size=True)
)


def test_no_plugin_of_ours_is_left_out():
    ours = {plugin.name for plugin in load().plugins if plugin.distribution == "keras-zoo"}
    tested = {name.removeprefix("Test").lower() for name in globals() if name.startswith("Test")}
    assert ours <= tested
