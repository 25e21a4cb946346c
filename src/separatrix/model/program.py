"""Program: what serves, what is asked, by whom, and who is connected to whom (see `parts`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from separatrix.errors import ModelError, Problem
from separatrix.model.faults import Schedule
from separatrix.model.limits import Limit
from separatrix.model.parts import Server, Source


class Program:
    """Servers, sources and who is connected to whom.

    Parts are added one by one and are themselves immutable; `check` looks at the whole and
    reports every problem at once.
    """

    def __init__(
        self,
        name: str,
        *,
        faults: Schedule | None = None,
        description: str = "",
        limits: Iterable[Limit] = (),
    ) -> None:
        self.name = name
        self.description = description
        self.faults = faults if faults is not None else Schedule()
        self.limits = tuple(limits)
        self._servers: list[Server] = []
        self._sources: list[Source] = []
        self._connections: list[tuple[str, str]] = []

    # --- building ------------------------------------------------------------------------------

    def add_server(self, server: Server) -> None:
        """Add one server."""
        self._servers.append(server)

    def add_servers(self, servers: Iterable[Server]) -> None:
        """Add several servers."""
        for server in servers:
            self.add_server(server)

    def add_source(self, source: Source) -> None:
        """Add one source."""
        self._sources.append(source)

    def add_sources(self, sources: Iterable[Source]) -> None:
        """Add several sources."""
        for source in sources:
            self.add_source(source)

    def connect(self, source: str, server: str) -> None:
        """Send the requests of `source` to `server` (names)."""
        self._connections.append((source, server))

    def under(self, faults: Schedule) -> Program:
        """The same program with this schedule of faults instead of its own."""
        same = Program(self.name, faults=faults, description=self.description)
        same.add_servers(self._servers)
        same.add_sources(self._sources)
        for source, server in self._connections:
            same.connect(source, server)
        return same

    # --- reading -------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        """In notebooks: what the program says in English, or what is wrong with it."""
        import html

        from separatrix.model.explain import explain

        try:
            said = explain(self)
            lines = [*said.paragraphs, *(f"Warning: {warning}" for warning in said.warnings)]
        except ModelError as error:
            lines = [f"Not whole yet: {problem}" for problem in error.problems]
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        return f"<div><strong>Program: {html.escape(self.name)}</strong>{text}</div>"

    @property
    def servers(self) -> tuple[Server, ...]:
        """Servers in the order they were added."""
        return tuple(self._servers)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Sources in the order they were added."""
        return tuple(self._sources)

    @property
    def connections(self) -> tuple[tuple[str, str], ...]:
        """(source name, server name) pairs."""
        return tuple(self._connections)

    def get_server(self, name: str) -> Server:
        """The server called `name`; ModelError where there is none."""
        return _named(self._servers, name, "server")

    def get_source(self, name: str) -> Source:
        """The source called `name`; ModelError where there is none."""
        return _named(self._sources, name, "source")

    def server_of(self, source: str) -> Server:
        """The server that `source` is connected to; ModelError where there is none."""
        for left, right in self._connections:
            if left == source:
                return self.get_server(right)
        raise ModelError(
            Problem("is connected to no server", f"sources.{source}", "connect it to one")
        )

    def sources_of(self, server: str) -> tuple[Source, ...]:
        """Sources connected to the server called `server`."""
        names = {left for left, right in self._connections if right == server}
        return tuple(s for s in self._sources if s.name in names)

    def problems(self) -> list[Problem]:
        """Everything wrong with the program as a whole; empty if nothing is."""
        from separatrix.model.wholeness import problems_of

        return problems_of(self)

    def check(self) -> Program:
        """Return the program itself, or raise ModelError with all its problems."""
        found = self.problems()
        if found:
            raise ModelError(found)
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Program):
            return NotImplemented
        return self._identity() == other._identity()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - mutable while it is being built

    def _identity(self) -> tuple[Any, ...]:
        # the order of connections means nothing, and a file does not keep it
        return (
            (self.name, self.description, self.faults, self.limits),
            (self._servers, self._sources, sorted(self._connections)),
        )

    def __repr__(self) -> str:
        servers = ", ".join(s.name for s in self._servers)
        sources = ", ".join(f"{left}->{right}" for left, right in self._connections)
        return f"Program({self.name!r}: servers {servers or 'none'}; sources {sources or 'none'})"


def _named(parts: list[Any], name: str, kind: str) -> Any:
    for candidate in parts:
        if candidate.name == name:
            return candidate
    known = ", ".join(repr(p.name) for p in parts) or "none"
    raise ModelError(Problem(f"no {kind} is called {name!r}", f"{kind}s", f"there are: {known}"))
