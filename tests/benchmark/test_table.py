from __future__ import annotations

import csv
import io
import re
from xml.etree import ElementTree

import pytest

from zoo.benchmark import page, plot, table
from zoo.benchmark.document import Input, Peak


def test_columns_are_those_that_tell_rows_apart(row):
    header, lines = table.cells(
        [row(0.1, case={"jit_compile": True}), row(0.2, case={"jit_compile": False})]
    )
    assert header == ["XLA", "batch", "images/s", "ms", "± MAD", "p90", "p95", "p99", "steps"]
    assert lines == [
        ["on", "1", "10.0", "100.00", "0.00", "100.00", "", "", "100"],
        ["off", "1", "5.00", "200.00", "0.00", "200.00", "", "", "100"],
    ]


def test_several_models_have_their_names_and_what_failed_is_empty(row):
    failed = row(target="b+linear", step_seconds=None, images_per_second=None, error="too large")
    header, lines = table.cells([row(0.1, share_of_peak=0.5, gflops_per_second=12.0), failed])

    assert header[0] == "model"
    assert header[-3:] == ["GFLOP/s", "of peak", "steps"]
    assert lines[0][-3:] == ["12.0", "50%", "100"]
    assert lines[1] == ["b+linear", "1", *[""] * 9]
    assert table.remarks([row(), failed]) == ["b+linear: too large"]


def test_what_limits_the_way_of_the_pictures_is_named(row):
    def told(bottleneck: str) -> str:
        way = Input(images_per_second=50, model_images_per_second=200, bottleneck=bottleneck)
        (remark,) = table.remarks([row(input=way)])
        return remark

    figures = "the source alone gives 50.0 images/s, the model alone takes 200.0"
    assert told("input") == f"the input limits it: {figures}"
    assert told("model") == f"the model limits it: {figures}"
    assert told("both") == f"the two compete for the same cores: {figures}"


def test_markdown(row, document):
    assert table.markdown(document(row(0.1, flags=["drifted"]))) == (
        "| batch | images/s | ms | ± MAD | p90 | p95 | p99 | steps |\n"
        "| --: | --: | --: | --: | --: | --: | --: | --: |\n"
        "| 1 | 10.0 | 100.00 | 0.00 | 100.00 |  |  | 100 |\n"
        "\n"
        "- drifted\n"
        "\n"
        "_Acme 1, 2 cores, 8 GiB, Python 3.11.7, tensorflow 2.21.0, keras 3.15.1, 2026-01-02_\n"
    )


def test_comma_separated_values_are_exact_and_flat(row, document):
    text = table.comma_separated(document(row(1 / 3, flags=["a", "b"]), row(error="full")))
    first, second = csv.DictReader(io.StringIO(text))

    assert float(first["step_seconds.p50"]) == 1 / 3
    assert first["target"] == "a+linear"
    assert first["model.parameters"] == "1000"
    assert first["flags"] == "a; b"
    assert second["error"] == "full"
    assert not [key for key in first if "quantiles" in key]


def test_the_page_stands_alone_and_draws_what_there_is(row, document):
    peak = Peak(
        backend="tensorflow", precision="float32", threads=None, gemm_gflops=100, copy_gbytes=10
    )
    rows = [row(0.1 * n, case={"batch_size": n}, gflops_per_second=10.0) for n in (1, 8)]
    text = page.render(document(*rows, peaks=[peak]))

    assert not re.search(r"(src|href)=|url\(|<script", text)
    titles = re.findall(r"<figcaption>([^<]+) <small>", text)
    assert titles == ["Throughput", "Latency", "Roofline, tensorflow, float32"]
    for drawing in re.findall(r"<svg.*?</svg>", text):
        ElementTree.fromstring(drawing)


def test_names_are_escaped(row, document):
    text = page.render(document(row(target="<b>+linear"), row(target="c+linear")))
    assert "<b>+" not in text
    assert "&lt;b&gt;+linear" in text


def test_a_curve_over_batches_joins_rows_that_differ_by_the_batch_alone(row, document):
    rows = [row(case={"batch_size": n, "mode": m}) for n, m in ((8, "inference"), (4, "train"))]
    assert "Throughput" not in page.render(document(*rows))

    rows += [row(case={"batch_size": n, "mode": "inference"}) for n in (1, 2)]
    (curves,) = re.findall(r"Throughput.*?</figure>", page.render(document(*rows)))
    assert re.findall(r"</i>([^<]+)<", curves) == ["inference", "train"]


def test_the_gpu_and_the_backend_are_told(document):
    facts = {"gpu_state": [{"name": "Acme GPU"}], "packages": {"keras": "3.15.1", "jax": "0.11"}}

    assert table.machine(document(**facts)) == (
        "Acme GPU, Acme 1, 2 cores, 8 GiB, Python 3.11.7, jax 0.11, keras 3.15.1, 2026-01-02"
    )


def test_one_batch_draws_no_curve_over_batches(row, document):
    assert "Throughput" not in page.render(document(row()))


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (plot.axis("batch", [1, 32], 2), [1, 2, 4, 8, 16, 32]),
        (plot.axis("ms", [0.5, 2000], 10), [1, 10, 100, 1000]),
        (plot.axis("ms", [11, 60], 10), [10, 20, 50]),
        (plot.axis("%", [0, 100], zero=True), [0, 50, 100]),
    ],
)
def test_ticks_are_round_and_on_the_axis(axis, ticks):
    assert [t for t in axis.ticks() if t in ticks] == pytest.approx(ticks)
    assert all(-1e-9 <= axis.share(t) <= 1 + 1e-9 for t in axis.ticks())


def test_places_on_an_axis():
    linear, doubling = plot.Axis("", 0, 10), plot.Axis("", 1, 16, 2)
    assert [linear.share(x) for x in (0, 5, 10)] == [0, 0.5, 1]
    assert [doubling.share(x) for x in (1, 4, 16)] == pytest.approx([0, 0.5, 1])
