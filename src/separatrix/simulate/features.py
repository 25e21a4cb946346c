"""Which parts of the request's life a program uses: the event loop is compiled without the rest."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


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
