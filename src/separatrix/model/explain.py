"""A program in plain English, with warnings of what is almost surely a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from separatrix.model.arrivals import Mixture, PhaseType, Poisson, StateMachine
from separatrix.model.client_suspicions import (
    fault_suspicions,
    retry_suspicions,
    timeout_suspicions,
)
from separatrix.model.demand import Api, Demand, attempts, demands, holding_times, patience, waited
from separatrix.model.faults import Fault, Outage, Spike
from separatrix.model.limits import QUANTITIES, Limit
from separatrix.model.parts import DependentCall, Server, Source, Work
from separatrix.model.policies import (
    AdaptiveLifo,
    Backoff,
    CoDel,
    ConcurrencyLimit,
    Lifo,
    ThresholdAdmission,
)
from separatrix.model.program import Program
from separatrix.model.quantities import duration_text as time
from separatrix.model.quantities import rate_text as rate
from separatrix.model.server_suspicions import never_asked, server_suspicions
from separatrix.model.service import Exponential
from separatrix.model.suspicion import Warning_
from separatrix.notebook import Shown


@dataclass(frozen=True)
class Explanation(Shown):
    """What a program says.

    Attributes
    ----------
    paragraphs : English sentences: the whole, each server, each source, the faults, the limits.
    warnings : what is almost surely a mistake; empty if nothing is.
    """

    paragraphs: tuple[str, ...]
    warnings: tuple[Warning_, ...]

    def __str__(self) -> str:
        return "\n\n".join([*self.paragraphs, *(f"Warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {"paragraphs": list(self.paragraphs), "warnings": [asdict(w) for w in self.warnings]}


def explain(program: Program) -> Explanation:
    """Say in English what `program` describes, and warn of what looks wrong.

    The text is a function of the program alone. Raises ModelError where the program is not whole.
    """
    program.check()
    loads, holding = demands(program), holding_times(program)
    paragraphs = [_whole(program)]
    for server in program.servers:
        paragraphs.append(" ".join(_server(server, loads[server.name], holding)))
    for source in program.sources:
        server = program.server_of(source.name)
        paragraphs.append(" ".join(_source(source, server, loads[server.name])))
    if program.faults.faults:
        faults = sorted(program.faults.faults, key=lambda f: f.start)
        paragraphs.append(" ".join(_fault(program, f) for f in faults))
    if program.limits:
        paragraphs.append(" ".join(map(_limit, program.limits)))
    return Explanation(tuple(paragraphs), tuple(_suspicions(program, loads, holding)))


def _suspicions(
    program: Program, loads: dict[str, Demand], holding: dict[Api, float]
) -> Iterator[Warning_]:
    for server in program.servers:
        sources = program.sources_of(server.name)
        yield from server_suspicions(server, sources, loads[server.name])
    yield from never_asked(program)
    yield from timeout_suspicions(program, holding)
    for source in program.sources:
        yield from retry_suspicions(source)
    yield from fault_suspicions(program)


def _whole(program: Program) -> str:
    servers, sources = len(program.servers), len(program.sources)
    text = f"{program.name}: {_count(servers, 'server')}, {_count(sources, 'source')} of requests."
    return f"{text} {program.description.strip()}" if program.description.strip() else text


def _server(server: Server, load: Demand, holding: dict[Api, float]) -> Iterator[str]:
    yield (
        f"Server {server.name} holds at most {_count(server.qsize, 'attempt')}, waiting and in "
        f"service together; {_count(server.thread_pool, 'thread')} "
        f"{'serves' if server.thread_pool == 1 else 'serve'} them, {_discipline(server)}."
    )
    if server.fail_fast:
        yield "An attempt that is refused fails at once."
    else:
        yield "An attempt that finds it full is dropped, and its client waits for the timeout."
    yield from _policies(server)
    for api, work in server.apis.items():
        yield _api(server, api, work, holding[server.name, api])
        for call in work.downstream:
            yield _call(api, call)
    yield (
        f"In all it can complete {rate(load.capacity)}; without retries it is asked for "
        f"{rate(load.first)} ({_share(load.first / load.capacity)} of that)."
    )


def _discipline(server: Server) -> str:
    discipline = server.discipline
    if isinstance(discipline, AdaptiveLifo):
        return (
            f"first in, first out while fewer than {discipline.threshold} wait, last in, first out "
            "above"
        )
    return "last in, first out" if isinstance(discipline, Lifo) else "first in, first out"


def _policies(server: Server) -> Iterator[str]:
    admission = server.admission
    if isinstance(admission, ThresholdAdmission):
        yield (
            f"At {_count(admission.threshold, 'attempt')} or more it admits "
            f"{_share(admission.admit)} of the new ones."
        )
    elif isinstance(admission, ConcurrencyLimit):
        yield f"It admits an attempt only while fewer than {admission.limit} are there."
    elif isinstance(admission, CoDel):
        yield (
            f"It drops attempts from the head of the queue once waits stay above "
            f"{time(admission.target)} for {time(admission.interval)}."
        )
    elif admission is not None:
        yield (
            f"It admits {rate(admission.rate)} (token bucket, bursts of "
            f"{_count(admission.burst, 'attempt')})."
        )
    if server.drop_expired:
        yield "It throws away, unserved, attempts whose client has given up."
    if server.slowdown is not None:
        slow = server.slowdown
        counted = "at it" if slow.by == "queue" else "in service"
        yield (
            f"It slows down under load: with n attempts {counted}, by a factor of "
            f"1 + {slow.coefficient:g} (n / {slow.scale:g})^{slow.exponent:g}."
        )
    if server.cache is not None:
        cache = server.cache
        yield (
            f"A cache beside it answers hits at once: {_count(cache.keys, 'key')}, each kept "
            f"{time(cache.ttl)}, {_share(cache.warm)} of them warm at the start."
        )


def _api(server: Server, api: str, work: Work, held: float) -> str:
    law = "" if isinstance(work.law, Exponential) else f" ({work.law.kind})"
    own = 1 / work.processing_rate
    text = f"{api} takes {time(own)} on average{law}"
    if held > own:
        text += f" and holds its thread for {time(held)} with the calls that it waits for"
    return f"{text}: {rate(server.thread_pool / held)} if nothing else runs."


def _call(api: str, call: DependentCall) -> str:
    if not waited(call):
        return f"Then {api} calls {call.api_name} on {call.callee} and does not wait."
    text = f"Then {api} calls {call.api_name} on {call.callee} and waits"
    text += f", at most {time(call.timeout)}"
    if call.retry:
        text += (
            f" an attempt, with up to {_count(call.retry, 'retry')}{_backoff(call.backoff)}, "
            f"{time(patience(call.timeout, call.retry, call.backoff))} in all"
        )
    return f"{text}; if the call fails, so does the attempt."


def _source(source: Source, server: Server, load: Demand) -> Iterator[str]:
    yield (
        f"Source {source.name} sends {rate(source.mean_rate)} ({_spacing(source)}), each for "
        f"{source.api} on {server.name}."
    )
    yield _manners(source)
    late = "ends the request all the same"
    if source.late_responses == "discard":
        late = "is discarded"
    wasted = "" if server.drop_expired else ", and the server does the work either way"
    yield f"A response that comes after its timeout {late}{wasted}."
    if source.breaker is not None:
        breaker = source.breaker
        yield (
            f"When {_share(breaker.threshold)} of the last {breaker.window} attempts failed, it "
            f"sends nothing for {time(breaker.open_for)}, then tries "
            f"{_count(breaker.probes, 'probe')}."
        )
    if source.retries:
        most = attempts(source)
        yield (
            f"At worst each request becomes {most:.3g} attempts: {rate(source.mean_rate * most)}, "
            f"where {server.name} can complete {rate(load.capacity)}."
        )


def _manners(source: Source) -> str:
    text = f"A client gives an attempt up after {time(source.timeout)}"
    if not source.retries:
        return f"{text} and does not retry."
    wait = _backoff(source.backoff) or ", at once"
    total = patience(source.timeout, source.retries, source.backoff)
    text += f" and retries up to {_count(source.retries, 'time')}{wait}"
    if source.budget is not None:
        text += (
            f", as long as retries are at most {_share(source.budget.ratio)} of first attempts "
            f"(bursts of {source.budget.burst:g})"
        )
    return f"{text}; it has given up for good after {time(total)}."


def _spacing(source: Source) -> str:
    arrivals = source.arrivals
    if isinstance(arrivals, Poisson):
        return "at random"
    if isinstance(arrivals, StateMachine):
        return f"in bursts, switching between {_count(len(arrivals.rates), 'state')}"
    if isinstance(arrivals, Mixture):
        return f"with gaps of {_count(len(arrivals.rates), 'length')}"
    if isinstance(arrivals, PhaseType):
        return f"with gaps of {_count(len(arrivals.initial), 'phase')}"
    return f"from a trace of {_count(len(arrivals.times), 'arrival')}"


def _backoff(backoff: Backoff) -> str:
    if backoff.base == 0:
        return ""
    text = f", after {time(backoff.base)}"
    if backoff.multiplier > 1:
        text += f", then {backoff.multiplier:g} times longer each time up to {time(backoff.cap)}"
    return f"{text} (jitter {_share(backoff.jitter)})" if backoff.jitter else text


def _fault(program: Program, fault: Fault) -> str:
    when = f"From {time(fault.start)} on, for {time(fault.duration)},"
    if isinstance(fault, Spike):
        mean = program.get_source(fault.source).mean_rate
        return (
            f"{when} {fault.source} sends {fault.factor:g} times its rate "
            f"({rate(mean * fault.factor)})."
        )
    if isinstance(fault, Outage):
        return f"{when} {fault.server} serves nothing."
    return f"{when} {fault.server} works {fault.factor:g} times slower."


def _limit(limit: Limit) -> str:
    return f"It promises {limit} ({QUANTITIES[limit.quantity].meaning})."


def _share(value: float) -> str:
    return f"{100 * value:.3g}%"


def _count(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
