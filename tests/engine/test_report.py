from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from zoo.engine import report
from zoo.engine import run as runs
from zoo.engine.evaluate import evaluate


@pytest.fixture
def evaluated(colour_run, colours, colour_model):
    """The run of the colour model with its figures on the test pictures: six of seven right."""
    run = runs.open(colour_run)
    run.write("metrics.json", evaluate(colour_model, colours))
    return run


class Page(HTMLParser):
    """The elements and the text of a page; complains about a tag that is not closed."""

    VOID = frozenset({"meta", "rect", "line", "polyline", "circle", "i"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style"} & set(self.open) and data.strip():
            self.words.append(data.strip())


def test_both_pages_are_written_into_the_run(evaluated):
    written = report.write(evaluated)

    assert written == [evaluated.path / "report.html", evaluated.path / "card.md"]
    assert not [path for path in evaluated.path.iterdir() if path.name.startswith(".")]


def test_the_report_stands_alone(evaluated):
    report.write(evaluated)
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")
    page = Page(text)

    assert not {"script", "img", "link", "iframe", "object", "embed", "a"} & set(page.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in page.attributes}
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_report_says_the_figures(evaluated):
    report.write(evaluated)
    page = Page((evaluated.path / "report.html").read_text(encoding="utf-8"))
    words = [word.replace("\N{NO-BREAK SPACE}", " ") for word in page.words]

    # 6 of 7; Wilson's interval of it by the closed form is 0.48687 to 0.97433.
    assert words[:4] == [
        "colour+mean",
        "colour+mean",
        "3 classes of colours, trained with the recipe scratch at 8x8",
        "accuracy",
    ]
    assert words[4:6] == ["85.7 %", "test, 95 %: 48.7 % to 97.4 %"]
    assert "7 pictures, test split of " + str(evaluated.data) in words
    start = words.index("red", words.index("recall"))
    assert words[start : start + 5] == ["red", "100.0 %", "66.7 %", "80.0 %", "3"]
    text = " ".join(words)
    assert "Most often confused: 1 × red taken for blue ." in text
    assert "training 0.5000 validation 1.000" in text


def test_the_curves_show_each_phase_apart(evaluated):
    report.write(evaluated)
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")

    assert text.count("<svg") == 2
    assert re.findall(r'class="phase"[^>]*>([^<]+)<', text) == ["head", "all"] * 2
    # Three epochs: three points each for training and validation.
    points = re.findall(r'<polyline points="([^"]+)"', text)
    assert [stretch.count(",") for stretch in points] == [3] * 4


def test_light_and_dark_and_a_phone_are_provided_for(evaluated):
    report.write(evaluated)
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")

    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "@media (prefers-color-scheme: dark)" in text
    names = set(re.findall(r"var\(--([a-z]+)\)", text)) - {"share", "shade"}
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    assert {name for name in names if f"--{name}:" not in light} == set()
    assert {name for name in names if f"--{name}:" not in dark} == set()


@pytest.mark.parametrize("name", ["report.html", "card.md"])
def test_names_of_classes_cannot_break_the_pages(evaluated, name):
    metrics = evaluated.metrics
    metrics["classes"][0] = metrics["per_class"][0]["class"] = "<b>|x"
    evaluated.write("metrics.json", metrics)
    report.write(evaluated)
    text = (evaluated.path / name).read_text(encoding="utf-8")

    assert "<b>|x" not in text
    assert ("| &lt;b>\\|x |" if name == "card.md" else "&lt;b&gt;|x") in text


def test_with_many_classes_the_pairs_stand_for_the_matrix(evaluated):
    classes = [f"class {number}" for number in range(31)]
    metrics = evaluated.metrics
    confusion = [[0] * 31 for _ in classes]
    confusion[3][4] = 7
    metrics |= {
        "classes": classes,
        "confusion": confusion,
        "per_class": [metrics["per_class"][0] | {"class": name} for name in classes],
    }
    evaluated.write("metrics.json", metrics)
    report.write(evaluated)
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")

    assert 'class="confusion"' not in text
    assert "7 × <b>class 3</b> taken for <b>class 4</b>." in text


def test_a_run_that_was_never_measured_shows_its_best_epoch(colour_run):
    report.write(colour_run)
    page = Page((colour_run / "report.html").read_text(encoding="utf-8"))
    text = " ".join(page.words).replace("\N{NO-BREAK SPACE}", " ")

    assert "accuracy 80.0 % validation, best epoch" in text
    assert "confused" not in text


def test_the_card_begins_with_what_the_hub_reads(evaluated):
    report.write(evaluated)
    card = (evaluated.path / "card.md").read_text(encoding="utf-8")
    _, front, body = card.split("---\n", 2)

    assert front.splitlines() == [
        "library_name: keras",
        "pipeline_tag: image-classification",
        "tags:",
        "- image-classification",
        "- keras",
        "- keras-zoo",
        "metrics:",
        "- accuracy",
        "model-index:",
        '- name: "colour+mean"',
        "  results:",
        "  - task:",
        "      type: image-classification",
        "    dataset:",
        '      name: "colours"',
        "      type: imagefolder",
        '      split: "test"',
        "    metrics:",
        "    - type: accuracy",
        "      value: 0.8571",
        "    - type: f1",
        "      name: macro F1",
        f"      value: {evaluated.metrics['macro']['f1']:.4f}",
    ]
    assert body.lstrip().startswith("# colour+mean\n")
    assert "| red | 100.0\N{NO-BREAK SPACE}% | 66.7" in body


def test_how_to_repeat_it_names_the_folder_it_will_have(evaluated):
    report.write(runs.Run(evaluated.path, evaluated.facts))
    card = (evaluated.path / "card.md").read_text(encoding="utf-8")

    again = f"zoo train colour+mean {evaluated.data} --recipe run/recipe.toml"
    assert f"{again} --input-size 8x8 --seed 0 --out again\n" in card
    assert 'model = zoo.load("run")' in card

    unfinished = evaluated.path.with_name("run.unfinished")
    evaluated.path.rename(unfinished)
    report.write(runs.Run(unfinished, evaluated.facts))
    assert (unfinished / "card.md").read_text(encoding="utf-8") == card


def test_the_facts_of_the_training_are_told(colour_run):
    facts = dict(report.tell(runs.open(colour_run))["facts"])

    assert facts["parameters"] == "18"
    assert facts["data"].endswith("colours: 3 train, 3 val, 7 test")
    assert facts["trained"] == "2026-01-02T03:04:05+00:00, 12 s on cpu (2 cores)"
    half = runs.open(colour_run).update(dtype="mixed_float16")
    assert "--seed 0 --dtype mixed_float16 --out again" in report.tell(half)["commands"][1]


def test_pretrained_weights_are_told_with_their_licence(colour_run):
    run = runs.open(colour_run)
    part = {"distribution": "keras-zoo", "version": "0.1.0", "weights": None}
    weights = {"tag": "imagenet", "source": "keras://vgg16/notop.h5", "license": ""}
    run = run.update(
        resolved={
            "backbone": part | {"id": "vgg16", "options": {"width": 1.0}, "weights": weights},
            "head": part | {"id": "dense", "options": {}},
        }
    )
    facts = dict(report.tell(run)["facts"])

    assert facts["backbone"] == "vgg16 width=1.0 (keras-zoo 0.1.0)"
    assert facts["head"] == "dense (keras-zoo 0.1.0)"
    assert facts["pretrained weights"] == (
        "@imagenet from keras://vgg16/notop.h5, license not stated by the publisher"
    )
    assert json.loads((colour_run / "run.json").read_text())["resolved"]["head"]["id"] == "dense"
