from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_programs import descriptions, names, programs

from separatrix.model import Program, Server, Source, Work
from separatrix.model.explain import explain
from separatrix.model.files import compose, dumps, loads
from separatrix.model.tree import plain
from separatrix.model.writing import document_text, flow, scalar

thorough = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@thorough
@given(programs())
def test_reading_undoes_writing(program: Program) -> None:
    text = dumps(program)
    assert loads(text) == program
    assert dumps(loads(text)) == text


@thorough
@given(programs())
def test_every_program_can_be_explained(program: Program) -> None:
    said = explain(program)
    assert said == explain(loads(dumps(program)))
    assert len(said.paragraphs) >= 3
    for text in (*said.paragraphs, *(str(w) for w in said.warnings)):
        assert text.strip()
        assert "nan" not in text.replace(program.name, "").split()


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**15), 10**15),
        st.floats(allow_nan=False, allow_infinity=False),
        descriptions,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(descriptions, inner, max_size=4)
    ),
    max_leaves=20,
)


@thorough
@given(st.dictionaries(names.filter(lambda n: n != "<<"), values, min_size=1))
def test_any_plain_data_survives(data: dict[str, object]) -> None:
    for text in (document_text(data), flow(data) + "\n"):
        root, problems = compose(text)
        assert not problems
        assert plain(root) == data


def test_texts_that_yaml_would_take_for_something_else_are_quoted() -> None:
    for word in (
        "9" * 41,
        "null",
        "~",
        "true",
        "1",
        "1.5",
        "1e3",
        ".inf",
        "0x1f",
        "0o7",
        "",
        " a",
        "a: b",
        "#",
    ):
        assert scalar(word).startswith('"'), word
    for word in ("yes", "no", "db", "80/s", "1.2k/s", "50%", "wait_until_done", "Retry storm"):
        assert scalar(word) == word


def test_layout_is_that_of_a_person() -> None:
    program = Program("Service52")
    program.add_server(Server("52", {"insert": Work(10)}, qsize=100, orbit_size=20))
    program.add_source(Source("client", "insert", 9.5, timeout=0.2, retries=4))
    program.connect("client", "52")
    assert dumps(program) == (
        "separatrix: 1\n"
        "name: Service52\n"
        "servers:\n"
        '  "52":\n'
        "    qsize: 100\n"
        "    orbit_size: 20\n"
        "    apis:\n"
        "      insert: {processing_rate: 10/s}\n"
        "sources:\n"
        '  client: {server: "52", api: insert, arrival_rate: 9.5/s, timeout: 200ms, retries: 4}\n'
    )


def test_long_lists_are_wrapped() -> None:
    text = document_text({"times": [i / 7 for i in range(200)]})
    assert max(map(len, text.splitlines())) <= 96
    assert plain(compose(text)[0]) == {"times": [i / 7 for i in range(200)]}
