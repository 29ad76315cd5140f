from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from PIL import Image

from zoo.engine import report
from zoo.engine import run as runs
from zoo.engine.evaluate import record
from zoo.engine.folder import read
from zoo.engine.report import pictures, plot, survey
from zoo.engine.report.pictures import Answer


@pytest.fixture
def evaluated(colour_run, colours):
    """The run of the colour model with its figures on the test pictures: six of seven right."""
    record(runs.open(colour_run), read(colours))
    return runs.open(colour_run)


class Page(HTMLParser):
    """The elements and the text of a page; complains about a tag that is not closed."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "svg"} & set(self.open) and data.strip():
            self.words.append(data.strip())

    def values(self, name: str, tag: str = "") -> list[str]:
        return [value for of, key, value in self.attributes if key == name and tag in ("", of)]


def page(run) -> Page:
    return Page((run.path / "report.html").read_text(encoding="utf-8"))


def test_both_pages_are_written_into_the_run(evaluated):
    written = report.write(evaluated)

    assert written == [evaluated.path / "report.html", evaluated.path / "card.md"]
    assert not [path for path in evaluated.path.iterdir() if path.name.startswith(".")]


def test_the_report_stands_alone(evaluated):
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")
    found = page(evaluated)

    assert not {"script", "iframe", "object", "embed"} & set(found.tags)
    assert all(value.startswith("data:image/jpeg;base64,") for value in found.values("src"))
    assert all(value.startswith(("#", "data:,")) for value in found.values("href"))
    assert "://" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\(([^)]{1,4})", text)) <= {"#acc", "#los", "#con", "#roc", "#pre"}


def test_every_link_leads_somewhere_and_ids_are_single(evaluated):
    found = page(evaluated)
    ids = found.values("id")

    assert len(ids) == len(set(ids))
    targets = {value[1:] for value in found.values("href") if value.startswith("#")}
    assert targets <= set(ids)


def test_the_report_says_the_figures(evaluated):
    words = [word.replace("\N{NO-BREAK SPACE}", " ") for word in page(evaluated).words]

    # 6 of 7; Wilson's interval of it by the closed form is 0.48687 to 0.97433.
    assert words[:2] == ["colour+mean", "To the content"]
    assert words[3] == "3 classes of colours, trained with the recipe scratch, at 8x8"
    assert words[4:7] == ["accuracy", "85.7 %", "test, 95 %: 48.7 % to 97.4 %"]
    assert "7 pictures, test split of " + str(evaluated.data) in words
    start = words.index("red", words.index("recall"))
    assert words[start : start + 5] == ["red", "100.0 %", "66.7 %", "80.0 %", "3"]


def test_a_cell_of_the_matrix_leads_to_its_pictures(evaluated):
    found = page(evaluated)

    # test/red/1.png is blue, and filed under red: row 2, column 0.
    assert "#cell-2-0" in found.values("href", "a")
    assert "1 times red taken for blue" in found.values("aria-label", "a")
    assert "1 × red taken for blue" in found.words
    assert "test/red/1.png" in found.values("alt", "img")
    # The same picture has the highest loss, beside its heat map.
    assert "heat map of blue" in found.values("alt", "img")
    sizes = [found.values(side, "img") for side in ("width", "height")]
    assert all(len(each) == found.tags.count("img") for each in sizes)


def test_the_pictures_are_those_that_were_measured_not_their_namesakes(colour_run, colours):
    other = colour_run.parent / "other"
    shutil.copytree(colours, other)
    for file in other.glob("test/*/*.png"):
        Image.new("RGB", (8, 6), "blue").save(file)
    record(runs.open(colour_run), read(other))

    found = page(runs.open(colour_run))
    # Every picture is blue, and 8 x 6: those of the training are square.
    assert "1 × green taken for blue" in found.words or "2 × green taken for blue" in found.words
    start = found.values("alt", "img").index("test/green/0.png")
    assert found.values("height", "img")[start] == "6"


def test_one_epoch_is_a_whole_number():
    svg = plot.curves("Accuracy", {"training": [0.5], "validation": [0.6]}, ["all"])
    assert svg is not None
    assert re.findall(r">([\d.]+)</text>", svg[: svg.index("epoch</text>")]) == ["1"]


def test_the_curves_show_each_phase_apart(evaluated):
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")
    accuracy, loss = re.findall(r'<svg role="img" aria-label="(?:Accuracy|Loss): .*?</svg>', text,
                                re.DOTALL)  # fmt: skip

    for svg, ends in ((accuracy, (0.9, 0.8)), (loss, (0.5, 1.0))):
        assert f"training ends at {ends[0]:.4g}, validation ends at {ends[1]:.4g}" in svg
        assert re.findall(r">(head|all)</text>", svg) == ["head", "all"]
        assert not set(re.findall(r"#0[1-5]0[1-5]0[1-5]", svg))
        assert "var(--training)" in svg


def test_light_and_dark_and_a_phone_are_provided_for(evaluated):
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
    metrics |= {
        "classes": classes,
        "confusion": [[3, 4, 7]],
        "per_class": [metrics["per_class"][0] | {"class": name} for name in classes],
    }
    evaluated.write("metrics.json", metrics)
    report.write(evaluated)
    text = (evaluated.path / "report.html").read_text(encoding="utf-8")

    assert 'class="confusion"' not in text
    assert "7 × <b>class 3</b> taken for <b>class 4</b>" in text


def test_a_run_that_was_never_measured_shows_its_best_epoch(colour_run):
    report.write(colour_run)
    text = " ".join(page(runs.open(colour_run)).words).replace("\N{NO-BREAK SPACE}", " ")

    assert "accuracy 80.0 % validation, best epoch" in text
    assert "confused" not in text


def test_the_data_are_told(evaluated, colours):
    for name in ("train/red/copy.png", "test/blue/leak.png"):
        shutil.copy(colours / "train/red/0.png", colours / name)
    told = survey.look(evaluated)

    assert told["rows"][2] == {"class": "red", "counts": [2, 1, 3]}
    assert told["sizes"] == "all 8x8 pixels"
    assert told["twice"][0] == {
        "files": ["train/red/0.png", "train/red/copy.png", "test/blue/leak.png"],
        "leak": True,
        "labels": 2,
    }
    report.write(evaluated)
    assert (
        "2 pictures are there more than once, 1 across splits"
        in (evaluated.path / "report.html").read_text()
    )


def test_data_that_are_gone_leave_the_rest(evaluated, colours):
    shutil.rmtree(colours)
    report.write(evaluated)
    found = page(evaluated)

    assert "img" not in found.tags
    assert not survey.look(evaluated)
    assert "1 × red taken for blue" in found.words


def test_likely_label_errors_are_the_confident_ones():
    def of(label, predicted, probability, own, name="x"):
        import math

        return Answer(name, label, predicted, probability, -math.log(own))

    answers = [
        *[of("cat", "cat", 0.8, 0.8)] * 4,  # cats are called so with 0.8
        *[of("dog", "dog", 0.6, 0.6)] * 4,
        of("dog", "cat", 0.9, 0.05, "sure"),
        of("dog", "cat", 0.7, 0.30, "unsure"),
        of("cat", "dog", 0.7, 0.20, "sure enough"),
    ]
    # Means over what each label holds: cat (4 * 0.8 + 0.2) / 5 = 0.68, dog 2.75 / 6 = 0.458.
    assert [each.path for each in pictures.suspects(answers)] == ["sure", "sure enough", "unsure"]
    surer = [*answers, *[of("cat", "cat", 0.99, 0.99)] * 10]  # cat is now at 0.887
    assert [each.path for each in pictures.suspects(surer)] == ["sure", "sure enough"]


def test_surgery_is_told(evaluated):
    row = {
        "step": {"do": "insert-bn"}, "changed": ["same_bn: 3 units"], "largest": 1e-6,
        "mean": 1e-7, "relative": 2e-6, "agreement": 1.0, "pictures": 20, "digest": "abc",
        "tolerance": 1e-4, "holds": True, "dtype": "float32", "seconds": 1.5,
    }  # fmt: skip
    evaluated.update(surgery=[row], parent="runs/old")
    report.write(evaluated.path)
    words = " ".join(page(evaluated).words)

    assert "insert-bn: answers as before" in words
    assert "differ by 1e-06 at most, 2e-06 of the largest; accepted 0.0001" in words
    assert "same_bn: 3 units" in words
    assert "zoo verify run" in words


def test_the_card_is_what_the_hub_reads(evaluated):
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
        "- f1",
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
    assert "It is weakest on blue (F1 80.0\N{NO-BREAK SPACE}%), red (F1 80.0" in body


def test_the_hub_can_read_the_card(evaluated):
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard.load(evaluated.path / "card.md")

    assert card.data.library_name == "keras"
    results = {each.metric_name or each.metric_type: each for each in card.data.eval_results}
    assert results["accuracy"].metric_value == 0.8571
    assert results["accuracy"].dataset_split == "test"
    assert results["macro F1"].metric_type == "f1"


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
