"""Which parts of the request's life a program uses: the event loop is compiled without the rest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from separatrix.model import CoDel, Exponential, Fifo, Program


@dataclass(frozen=True)
class Features:
    """What the event loop has to honour; a feature that is off is not compiled at all.

    Attributes
    ----------
    single : one server and one stream.
    threads : some server has several threads.
    calls : some work calls other servers.
    service : some service law is not exponential.
    arrivals : some arrival process is not Poisson.
    order : some queue is not first in, first out.
    expire : some server drops expired attempts.
    fail_fast : some server tells its clients of refusals.
    admission : some server has an admission policy other than CoDel.
    codel : some server has CoDel.
    backoff : some client waits before it retries.
    budget, breaker, accept : some client has a retry budget, a breaker, accepts late responses.
    cache, load : some server has a look-aside cache, is slower under load.
    faults : speeds of sources or servers change.
    record : series, time integrals and latency sketches are kept.
    log : every request leaves a line when it ends.
    watch : stop when a score of the state leaves an interval.
    """

    single: bool = False
    threads: bool = True
    calls: bool = True
    service: bool = True
    arrivals: bool = True
    order: bool = True
    expire: bool = True
    fail_fast: bool = True
    admission: bool = True
    codel: bool = True
    backoff: bool = True
    budget: bool = True
    breaker: bool = True
    accept: bool = True
    cache: bool = True
    load: bool = True
    faults: bool = True
    record: bool = True
    log: bool = True
    watch: bool = True

    @property
    def wide(self) -> bool:
        """Whether a slot needs more than eight words."""
        return self.calls or self.cache or self.accept or self.log or self.breaker

    @property
    def cascade(self) -> bool:
        """Whether one event may set off others at the same instant."""
        return self.calls or self.cache or self.fail_fast or self.breaker

    @property
    def name(self) -> str:
        """The features that are on, in words."""
        on = [f.name for f in dataclasses.fields(self) if getattr(self, f.name)]
        return "+".join(on) or "none"


def features_of(
    program: Program, *, waits: bool, accepts: bool, faults: bool, record: bool
) -> Features:
    """The features that `program` uses.

    waits, accepts : some source or call waits before it retries; accepts late responses.
    """
    servers, sources = program.servers, program.sources
    works = [work for server in servers for work in server.apis.values()]
    policies = [server.admission for server in servers if server.admission is not None]
    calls = any(work.downstream for work in works)
    return Features(
        single=len(servers) == 1 and len(sources) == 1 and not calls,
        threads=any(s.thread_pool > 1 for s in servers),
        calls=calls,
        service=any(not isinstance(work.law, Exponential) for work in works),
        arrivals=any(s.arrivals.kind != "poisson" for s in sources),
        order=any(not isinstance(s.discipline, Fifo) for s in servers),
        expire=any(s.drop_expired for s in servers),
        fail_fast=any(s.fail_fast for s in servers),
        admission=any(not isinstance(policy, CoDel) for policy in policies),
        codel=any(isinstance(policy, CoDel) for policy in policies),
        backoff=waits,
        budget=any(s.budget is not None for s in sources),
        breaker=any(s.breaker is not None for s in sources),
        accept=accepts,
        cache=any(s.cache is not None for s in servers),
        load=any(s.slowdown is not None and s.slowdown.coefficient > 0 for s in servers),
        faults=faults,
        record=record,
        log=False,
        watch=False,
    )
