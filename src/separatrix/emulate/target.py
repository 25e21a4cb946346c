"""A server of the user's own to send the clients' requests to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from separatrix.errors import ModelError, Problem
from separatrix.model import Program

MOST_RATE_ELSEWHERE = 200.0
"""Attempts per second that may be sent to a host which is not this machine."""


@dataclass(frozen=True)
class Target:
    """An HTTP address.

    Attributes
    ----------
    host, port, path : of the URL.
    elsewhere : the host is not this machine.
    """

    host: str
    port: int
    path: str
    elsewhere: bool = False

    def problems(self, program: Program) -> list[Problem]:
        """Why the clients of `program` must not be let loose on this address."""
        found: list[Problem] = []
        if len(program.servers) > 1:
            found.append(
                Problem(
                    f"{len(program.servers)} servers cannot all be {self.host}:{self.port}",
                    "--target",
                    "describe one server",
                )
            )
        peak = sum(
            s.mean_rate * (1 + s.retries) * max(
                program.faults.arrival_factor(s.name, t) for t in (0.0, *program.faults.breakpoints)
            )
            for s in program.sources
        )  # fmt: skip
        if self.elsewhere and peak > MOST_RATE_ELSEWHERE:
            found.append(
                Problem(
                    f"up to {peak:g} attempts/s to another machine are more than the limit of "
                    f"{MOST_RATE_ELSEWHERE:g}/s",
                    "--target",
                    "lower the arrival rate, the retries or the spike",
                )
            )
        return found


def parse_target(url: str, *, own_host: str | None = None) -> Target:
    """Read ``http://127.0.0.1:PORT/path``.

    Parameters
    ----------
    own_host : the name of a host that the user says is theirs; any other but this machine is
        refused.

    Raises ModelError where the address is not one, or not allowed.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http" or not parts.hostname or not 0 < port < 65536:
        raise ModelError(
            Problem(f"{url!r} is not an http address", "--target", "http://127.0.0.1:8000/path")
        )
    if parts.username is not None or any(c <= " " or c > "~" for c in url):
        raise ModelError(
            Problem(f"{url!r} has a user name, a blank or a control character", "--target")
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if _is_loopback(parts.hostname):
        return Target(parts.hostname, port, path)
    if own_host != parts.hostname:
        raise ModelError(
            Problem(
                f"{parts.hostname} is not this machine",
                "--target",
                f"only if you may load it: --i-own-this-host {parts.hostname}",
            )
        )
    return Target(parts.hostname, port, path, elsewhere=True)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
