"""Who may talk to the app."""

from __future__ import annotations

import asyncio

import pytest

from separatrix.views.guard import MOST_BODY, Guard

HOST = "127.0.0.1:8000"


def ask(
    *, method="GET", headers=None, body=b"", token=None, query=b"", chunks=1, host=HOST, kind="http"
):
    seen = {"body": b"", "status": None, "headers": {}, "reached": False, "read": b""}

    async def app(scope, receive, send):
        seen["reached"] = True
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            seen["read"] += message.get("body", b"")
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    parts = [body[i::chunks] for i in range(chunks)]
    messages = [
        {"type": "http.request", "body": part, "more_body": i < chunks - 1}
        for i, part in enumerate(parts)
    ]

    async def receive():
        return messages.pop(0)

    async def send(message):
        if message["type"] == "http.response.start":
            seen["status"] = message["status"]
            seen["headers"] = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            seen["body"] += message["body"]

    sent = {"host": host, **(headers or {})}
    scope = {
        "type": kind, "method": method, "path": "/", "query_string": query,
        "headers": [(k.encode(), v.encode()) for k, v in sent.items()],
    }  # fmt: skip
    asyncio.run(Guard(app, frozenset({HOST}), token)(scope, receive, send))
    return seen


SECRET = "secret"  # noqa: S105 - of these tests
JSON = {"content-type": "application/json"}


def test_a_request_of_this_machine_is_served_with_a_tight_policy():
    answer = ask()
    assert (answer["status"], answer["body"]) == (200, b"ok")
    policy = answer["headers"]["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert answer["headers"]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1:9999", "", "127.0.0.1.nip.io"])
def test_a_name_that_points_here_is_not_served(host):
    answer = ask(host=host)
    assert (answer["status"], answer["reached"]) == (421, False)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(headers):
    for method in ("GET", "POST"):
        answer = ask(method=method, headers={**JSON, **headers})
        assert (answer["status"], answer["reached"]) == (403, False)


def test_its_own_page_may_post_json_and_nothing_else():
    own = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    assert ask(method="POST", headers={**JSON, **own})["status"] == 200
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask(method="POST", headers={**form, **own})["status"] == 415
    assert ask(method="POST", headers=own)["status"] == 415


def test_long_bodies_are_refused_whatever_they_say_of_themselves():
    said = {**JSON, "content-length": str(MOST_BODY + 1)}
    assert ask(method="POST", headers=said)["status"] == 413
    assert ask(method="POST", headers={**JSON, "content-length": "-1"})["status"] == 413
    unsaid = ask(method="POST", headers=JSON, body=b"x" * (MOST_BODY + 10), chunks=4)
    assert len(unsaid["read"]) <= MOST_BODY


def test_with_a_token_nothing_is_served_without_it():
    assert ask(token=SECRET)["status"] == 401
    assert ask(token=SECRET, query=b"token=wrong")["status"] == 401
    first = ask(token=SECRET, query=b"token=secret")
    assert first["status"] == 200
    assert first["headers"]["set-cookie"].startswith("separatrix_token=secret; HttpOnly")
    cookie = {"cookie": "separatrix_token=secret"}
    assert ask(token=SECRET, headers=cookie)["status"] == 200
    assert ask(token=SECRET, headers={"cookie": "separatrix_token=\u00e9"})["status"] == 401
