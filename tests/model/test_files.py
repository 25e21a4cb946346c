from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

import separatrix.model as model
from separatrix.errors import ModelError
from separatrix.model.explain import explain
from separatrix.model.files import dumps, load, loads, save

SPEC = Path(__file__).resolve().parents[1] / "spec"
VALID = sorted((SPEC / "valid").glob("*.yaml"))
INVALID = sorted((SPEC / "invalid").glob("*.yaml"))
MINIMAL = """separatrix: 1
name: Minimal
servers: {db: {qsize: 1, apis: {get: {processing_rate: 1}}}}
sources: {web: {server: db, api: get, arrival_rate: 0.5}}
"""


def test_the_corpus_is_there() -> None:
    assert len(VALID) >= 18
    assert len(INVALID) >= 20


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_valid_files_load_and_survive_writing(path: Path) -> None:
    program = load(path)
    assert program.problems() == []
    assert loads(dumps(program)) == program
    assert explain(program).paragraphs


@pytest.mark.parametrize("path", INVALID, ids=lambda p: p.stem)
def test_invalid_files_earn_their_messages(path: Path) -> None:
    lines = path.read_text().splitlines()
    expected = [line.removeprefix("# expect: ") for line in lines if line.startswith("# expect: ")]
    assert expected, "every invalid file says what is expected"
    with pytest.raises(ModelError) as caught:
        load(path)
    message = str(caught.value)
    for words in expected:
        assert words in message
    for problem in caught.value.problems:
        assert problem.file == str(path)
        assert problem.line is not None
        assert 1 <= problem.line <= len(lines) + 1
    told = [p.line for p in caught.value.problems]
    assert told == sorted(told)


def test_the_corpus_uses_every_class_of_the_model() -> None:
    seen: set[str] = set()

    def visit(value: object) -> None:
        seen.add(type(value).__name__)
        if isinstance(value, dict):
            for inner in value.values():
                visit(inner)
        elif isinstance(value, tuple):
            for inner in value:
                visit(inner)
        for name in getattr(value, "__dataclass_fields__", ()):
            visit(getattr(value, name))

    for path in VALID:
        program = load(path)
        visit((program.servers, program.sources, program.faults, program.limits))
    assert set(model.__all__) - seen == {"Constants", "Program"}


def test_the_example_of_the_style_guide(tmp_path: Path) -> None:
    path = tmp_path / "service52.yaml"
    path.write_text(
        'separatrix: 1\nname: Service52\nservers:\n  "52":\n    qsize: 100\n    orbit_size: 20\n'
        "    apis:\n      insert: {processing_rate: 10/s}\nsources:\n  client:\n"
        '    server: "52"\n    api: insert\n    arrival_rate: 9.5/s\n    timeout: 0\n'
    )
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(caught.value) == (
        f'{path}:14: sources.client.timeout: must be > 0 s, got 0; write one such as "3s"'
    )


def test_every_problem_at_once_each_at_its_line() -> None:
    text = (
        "separatrix: 1\nname: All\nservers:\n  db:\n    qsize: 0\n    apis:\n"
        "      get:\n        processing_rate: 1\n        downstream:\n"
        "        - {callee: nobody, api_name: get}\n  db:\n    qsize: 3\n"
        "sources:\n  web: {server: dbb, api: get, arrival_rate: fast}\n"
        "faults:\n- {kind: outage, server: db, start: 0, duration: 0}\n"
        "- {kind: spike, source: wbe, factor: 2, start: 0, duration: 1}\n"
    )
    with pytest.raises(ModelError) as caught:
        loads(text, "all.yaml")
    assert [(p.line, p.field) for p in caught.value.problems] == [
        (4, "servers.db"),
        (5, "servers.db.qsize"),
        (10, "servers.db.apis.get.downstream.0.callee"),
        (11, ""),
        (14, "sources.web.arrival_rate"),
        (14, "sources.web.server"),
        (16, "faults.0.duration"),
        (17, "faults.1.source"),
    ]


def test_thousands_of_problems_are_counted() -> None:
    text = MINIMAL + "".join(f"key{i}: 1\n" for i in range(3000))
    with pytest.raises(ModelError) as caught:
        loads(text, "many.yaml")
    assert len(caught.value.problems) == 101
    assert str(caught.value.problems[-1]) == "many.yaml: 2900 more problems"


def test_names_may_look_like_anything() -> None:
    program = load(SPEC / "valid" / "names.yaml")
    assert program.name == "yes"
    assert program.server_of("no").name == "servers"
    assert loads(MINIMAL.replace("web:", '"<<":')).sources[0].name == "<<"


def test_sources_of_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "minimal.yaml"
    path.write_text(MINIMAL)
    program = loads(MINIMAL)
    assert load(path) == load(str(path)) == program
    assert (
        load(io.StringIO(MINIMAL))
        == load(io.BytesIO(b"\xef\xbb\xbf" + MINIMAL.encode()))
        == program
    )
    assert load(io.StringIO("\ufeff" + MINIMAL.replace("\n", "\r\n"))) == program
    with path.open() as stream:
        assert load(stream) == program
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MINIMAL.encode())))
    assert load("-") == program
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"separatrix: 9")))
    with pytest.raises(ModelError, match=r"^<stdin>:1: separatrix: format version 9 is newer"):
        load("-")


def test_saving_is_undone_by_loading(tmp_path: Path) -> None:
    program = load(SPEC / "valid" / "call_diamond.yaml")
    save(program, tmp_path / "copy.yaml")
    assert load(tmp_path / "copy.yaml") == program
    assert [p.name for p in tmp_path.iterdir()] == ["copy.yaml"]


def test_a_program_that_is_not_whole_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the program has no servers"):
        save(model.Program("empty"), tmp_path / "empty.yaml")
    assert list(tmp_path.iterdir()) == []


def test_description_is_kept() -> None:
    program = loads(MINIMAL + "description: |\n  Two\n  lines\n")
    assert program.description == "Two\nlines\n"
    assert loads(dumps(program)).description == program.description


def test_damaged_files_never_raise_anything_but_model_errors() -> None:
    """Random damage to the corpus: a program, or a ModelError with file and line; nothing else."""
    generator = random.Random(20240611)  # noqa: S311 - damage, not cryptography
    texts = [p.read_text() for p in (*VALID, *INVALID)]
    pieces = [
        "[",
        "]",
        "{",
        "}",
        ": ",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!x ",
        "|\n",
        ">",
        '"',
        "'",
        "#",
        "%",
    ]
    pieces += [
        "\t",
        "\n",
        "\n  ",
        "1e999",
        ".nan",
        "~",
        "<<: ",
        "---\n",
        "...\n",
        '"\\',
        "\\x",
        "\x85",
    ]
    for _ in range(500):
        text = generator.choice(texts)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(text) + 1)
            cut = generator.choice((0, 0, 3, 12))
            text = text[:at] + generator.choice(pieces) + text[at + cut :]
        problems = []
        try:
            program = loads(text, "damaged.yaml")
            assert loads(dumps(program)) == program
        except ModelError as error:
            problems = error.problems
        assert all(p.file == "damaged.yaml" for p in problems)
        assert all(p.line or p.message.endswith("more problems") for p in problems)
