from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark import document as documents
from zoo.benchmark.case import Case
from zoo.benchmark.document import Document, Peak
from zoo.errors import BenchError


def test_what_is_written_is_read_again(row, document, tmp_path):
    peak = Peak(
        backend="jax", precision="float32", threads=None, gemm_gflops=100.0, copy_gbytes=10.0
    )
    made = document(row(), row(case={"batch_size": 8}, runs=[1.0, 2.0]), peaks=[peak])
    path = tmp_path / "a.json"

    documents.write(made, path)

    assert documents.read(path) == made
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_document_follows_its_published_schema(row, document):
    schema = Document.model_json_schema(by_alias=True)
    jsonschema.Draft202012Validator.check_schema(schema)
    plain = document(row(), row(error="does not fit", step_seconds=None)).plain()

    jsonschema.validate(plain, schema)

    plain["rows"][0]["images_per_second"] = "fast"
    with pytest.raises(jsonschema.ValidationError, match="'fast' is not valid"):
        jsonschema.validate(plain, schema)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "{path} is no JSON\n  hint: give a file that zoo bench --out wrote"),
        ("[1]", "{path} is no result of zoo bench\n  hint: give a file that --out wrote"),
        (
            '{"schema": 1, "rows": []}',
            "{path} has schema 1, this zoo reads 3\n  hint: measure again, or read it with the "
            "version of zoo that wrote it",
        ),
        (
            '{"schema": 3, "rows": [], "created": "", "machine": 5}',
            "{path} is damaged: machine: Input should be a valid dictionary",
        ),
    ],
)
def test_a_file_that_is_no_result_is_said(content, message, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(content)

    with pytest.raises(BenchError) as error:
        documents.read(path)

    assert str(error.value) == message.replace("{path}", str(path))


def test_a_folder_that_is_missing_is_said(row, document, tmp_path):
    path = tmp_path / "no" / "a.json"
    with pytest.raises(BenchError, match="cannot be written: No such file or directory"):
        documents.write(document(row()), path)


cases = st.builds(
    Case,
    target=st.text(min_size=1),
    batch_size=st.integers(1, 4096),
    mode=st.sampled_from(["inference", "train"]),
    threads=st.none() | st.integers(1, 64),
    jit_compile=st.booleans(),
    seconds=st.floats(0, 100),
)


@given(cases)
def test_a_case_goes_to_a_process_and_back(case):
    assert Case.model_validate(json.loads(case.model_dump_json())) == case


@given(cases, st.floats(0, 100))
def test_how_long_it_took_makes_no_other_case(case, seconds):
    assert case.model_copy(update={"seconds": seconds}).key == case.key
    assert case.model_copy(update={"batch_size": case.batch_size + 1}).key != case.key


def test_intensity_is_operations_over_bytes(row):
    # 0.5 GMACs a picture; each output of 1 MiB is written and read once, weights are read once.
    measured = row(case={"batch_size": 4})
    assert measured.intensity == pytest.approx(4e9 / (2 * 4 * 2**20 + 4000))
