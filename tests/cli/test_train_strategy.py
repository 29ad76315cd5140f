"""What `zoo train` says where workers are not asked for as they can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.cli.main import main

WORDS = ["train", "small-cnn+linear", "DATA", "--out", "OUT"]

WRONG = {
    "--strategy multi-worker": (
        "error: multi-worker training without a cluster: neither TF_CONFIG nor SLURM's variables "
        "are set\n"
        "  hint: start it with srun, set TF_CONFIG for each worker, or try --workers 2 on this "
        "machine\n"
    ),
    "--workers 2 --strategy mirrored": (
        "error: --workers 2 with --strategy mirrored\n"
        "  hint: workers are those of the strategy multi-worker; leave one of the two out\n"
    ),
    "--workers 2 --device cpu": (
        "error: --device cpu with the strategy multi-worker, which takes the GPUs that it sees\n"
        "  hint: CUDA_VISIBLE_DEVICES says which it sees; set to nothing, it takes the CPU\n"
    ),
    "--strategy mirrored --device gpu:1": (
        "error: --device gpu:1 with the strategy mirrored, which takes the GPUs that it sees\n"
        "  hint: CUDA_VISIBLE_DEVICES says which it sees; set to nothing, it takes the CPU\n"
    ),
    "--workers 2 --fit-memory": (
        "error: --fit-memory with the strategy multi-worker: one replica would halve its batch "
        "alone\n"
        "  hint: --set PHASE.accumulate=2 divides the batch of all\n"
    ),
    "--strategy all": (
        "error: Invalid value for '--strategy': 'all' is not one of 'one', 'mirrored', "
        "'multi-worker'.\n"
        "  hint: zoo train --help shows what it takes\n"
    ),
    "--workers 0": (
        "error: Invalid value for '--workers': 0 is not in the range 1<=x<=1024.\n"
        "  hint: zoo train --help shows what it takes\n"
    ),
}


@pytest.mark.parametrize("more", WRONG)
def test_what_cannot_be(more: str, capsys: pytest.CaptureFixture[str]):
    assert main([*WORDS, *more.split()]) == 2
    assert capsys.readouterr().err == WRONG[more]


def test_a_wrong_tf_config_is_told_before_tensorflow_is_imported(monkeypatch: pytest.MonkeyPatch):
    code = (
        "import sys; from zoo.cli.main import main\n"
        f"code = main({[*WORDS, '--strategy', 'multi-worker']!r})\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "sys.exit(code)"
    )
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1"]}}')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "error: TF_CONFIG: no table 'task'\n"
        '  hint: accepted: {"cluster": {"worker": ["host:port", ...]}, '
        '"task": {"type": "worker", "index": 0}}\n'
    )


def test_words_are_handed_on_without_the_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from zoo.engine.strategy import launch

    called: list[tuple[object, ...]] = []
    monkeypatch.setattr(launch, "train", lambda *given: called.append(given) or 3)
    out = tmp_path / "run"
    words = ["small-cnn+linear", str(tmp_path), "--out", str(out), "--disk-cache", "--json"]
    for more in (["--workers", "2"], ["--workers=2"]):
        with pytest.raises(SystemExit) as ended:
            main(["train", *words[:2], *more, *words[2:]])
        assert ended.value.code == 3
        given, again, where, count, _ = called.pop()
        assert given == ["train", "--strategy", "multi-worker", *words]
        going = ["train", "--strategy", "multi-worker", "--resume", str(out)]
        assert again == [*going, "--disk-cache", "--json"]
        assert (where, count) == (out, 2)
