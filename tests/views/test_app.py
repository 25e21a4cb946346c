"""The app's answers, and what it refuses."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from separatrix.views.app import create_app

STORM = """\
separatrix: 1
name: storm
servers:
  s: {qsize: 60, apis: {get: {processing_rate: 10/s}}}   # a comment
sources:
  c: {server: s, api: get, arrival_rate: 8/s, timeout: 3s, retries: 1}
"""


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app()) as own:
        yield own


def lines(response):
    return [json.loads(line) for line in response.text.splitlines()]


def test_the_page_and_its_assets_are_there_and_nothing_else(client):
    page = client.get("/")
    assert page.status_code == 200
    for name in (
        "app.js",
        "figures.js",
        "knobs.js",
        "links.js",
        "app.css",
        "plotly-cartesian.min.js",
    ):
        assert f"/assets/{name}" in page.text
        assert client.get(f"/assets/{name}").status_code == 200
    for name in ("app.html", "../app.py", "..%2Fapp.py", "%2e%2e/app.py", "plotly-LICENSE.txt"):
        assert client.get(f"/assets/{name}").status_code == 404


def test_the_gallery_is_offered(client):
    start = client.get("/api/start").json()
    assert start["examples"][0]["name"] == "retry_storm"
    assert start["yaml"] == start["examples"][0]["yaml"]


def test_a_slider_changes_the_answer_and_keeps_the_comments(client):
    answer = client.post("/api/glance", json={"yaml": STORM}).json()
    assert answer["verdict"]["word"] == "can get stuck"
    assert len(answer["portrait"]["points"]) == 3
    paths = [s["path"] for s in answer["sliders"]]
    assert "sources.c.retries" in paths
    changed = client.post(
        "/api/glance", json={"yaml": STORM, "changes": {"sources.c.retries": 0}}
    ).json()
    assert changed["verdict"]["word"] == "safe"
    assert "retries: 0" in changed["yaml"]
    assert "# a comment" in changed["yaml"]


def test_every_slider_can_be_turned_to_its_ends(client):
    answer = client.post("/api/glance", json={"yaml": STORM}).json()
    for slider in answer["sliders"]:
        for value in (slider["low"], slider["high"]):
            value = round(value) if slider["whole"] else value
            turned = client.post(
                "/api/glance", json={"yaml": STORM, "changes": {slider["path"]: value}}
            )
            assert "error" not in turned.json(), (slider, turned.text)


def test_a_curve_that_is_left_out_is_said_to_be(client):
    pair = """\
separatrix: 1
name: pair
servers:
  db: {qsize: 20, apis: {get: {processing_rate: 10/s}}}
  web:
    qsize: 20
    apis: {get: {processing_rate: 50/s, downstream: [{callee: db, api_name: get, timeout: 1s}]}}
sources: {c: {server: web, api: get, arrival_rate: 6/s, timeout: 2s, retries: 1}}
"""
    answer = client.post("/api/glance", json={"yaml": pair}).json()
    assert answer["hysteresis"] is None
    assert answer["range_finding"].startswith("Left out here")


def test_the_exact_answer_is_refined(client):
    said = lines(client.post("/api/exact", json={"yaml": STORM}))
    verdicts = [line["verdict"] for line in said if "verdict" in line]
    assert [v["closure"] for v in verdicts] == ["geometric", "staged"]
    assert verdicts[-1]["verdict"] in ("can get stuck", "safe")


def test_a_simulation_tells_how_far_it_is_and_gives_bands(client):
    said = lines(client.post("/api/simulate", json={"yaml": STORM, "horizon": 60, "runs": 8}))
    assert said[-2]["done"] == said[-2]["total"] == 8
    found = said[-1]["timeline"]
    assert len(found["simulated"]["goodput"]) == 3
    assert len(found["simulated"]["queue"][0]) == len(found["times_s"])
    assert len(found["mean_dynamics"]["queue"]) == len(found["mean_times_s"])
    assert "runs" in said[-1]["finding"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"yaml": "separatrix: 1\nname: x\n"}, "servers"),
        ({"yaml": 5}, "carries no model"),
        ([], "carries no model"),
        ({"yaml": STORM, "changes": [1]}, "mapping"),
        ({"yaml": STORM, "changes": {"c.retries": "many"}}, "retries"),
        ({"yaml": STORM.replace("qsize: 60", "qsize: 60, discipline: {kind: lifo}")},
         "lifo"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_with_the_reason(client, body, words):
    answer = client.post("/api/glance", json=body)
    assert answer.json()["error"] in ("model", "unsupported")
    assert words in answer.text


def test_a_fault_of_ours_is_told_and_leaves_no_page_waiting(client, monkeypatch, caplog):
    def broken(*_, **__):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("separatrix.questions.glance.glance", broken)
    answer = client.post("/api/glance", json={"yaml": STORM}).json()
    assert answer["error"] == "fault"
    assert "ZeroDivisionError: by nothing" in answer["problems"][0]["text"]
    monkeypatch.setattr("separatrix.questions.timeline.timeline", broken)
    (said,) = lines(client.post("/api/simulate", json={"yaml": STORM}))
    assert said["error"] == "fault"
    assert "Traceback" in caplog.text


def test_what_is_no_json_is_refused(client):
    for content in (b"{", b"\xff\xfe", b"[" * 100_000):
        answer = client.post(
            "/api/glance", content=content, headers={"content-type": "application/json"}
        )
        assert "is no JSON" in answer.text


def test_a_model_that_would_exhaust_the_machine_is_refused(client):
    huge = STORM.replace("qsize: 60", "qsize: 1000000")
    assert (
        "more than"
        in lines(client.post("/api/exact", json={"yaml": huge}))[-1]["problems"][0]["text"]
    )
    crowd = "\n".join(
        [
            "separatrix: 1",
            "name: crowd",
            "servers:",
            *(
                f"  s{i}: {{qsize: 100, apis: {{get: {{processing_rate: 10/s}}}}}}"
                for i in range(40)
            ),
            "sources:",
            *(
                f"  c{i}: {{server: s{i}, api: get, arrival_rate: 8/s, timeout: 3s}}"
                for i in range(40)
            ),
        ]
    )
    told = lines(client.post("/api/exact", json={"yaml": crowd}))[-1]["problems"][0]["text"]
    assert "more than 400,000" in told
    assert len(told) < 300
    for asked in ({"runs": 10_000, "horizon": 1e8}, {"runs": 1e8}):
        said = lines(client.post("/api/simulate", json={"yaml": STORM, **asked}))
        assert "events are more than" in said[-1]["problems"][0]["text"]
    said = lines(client.post("/api/simulate", json={"yaml": STORM, "horizon": "long"}))
    assert "horizon" in said[-1]["problems"][0]["text"]
