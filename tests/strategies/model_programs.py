"""Hypothesis strategies for every part of a model, and for whole programs that pass their check.

Use from a test of another room: put this directory on `sys.path` (tests/model/conftest.py does),
then ``from model_programs import programs``.
"""

from __future__ import annotations

from hypothesis import strategies as st

from separatrix.model import (
    AdaptiveLifo,
    Backoff,
    Breaker,
    CoDel,
    ConcurrencyLimit,
    DependentCall,
    Deterministic,
    Empirical,
    Erlang,
    Exponential,
    Fifo,
    Hyperexponential,
    Lifo,
    Limit,
    LoadSlowdown,
    Lognormal,
    LookAsideCache,
    Mixture,
    Outage,
    Pareto,
    PhaseType,
    Poisson,
    Program,
    RetryBudget,
    Schedule,
    Server,
    Slowdown,
    Source,
    Spike,
    StateMachine,
    ThresholdAdmission,
    TokenBucket,
    Trace,
    Weibull,
    Work,
)

# names of every kind: plain words, words that YAML takes for something else, any printable text
names = st.one_of(
    st.sampled_from(
        ["db", "web", "app", "52", "null", "yes", "1e3", "a.b", "servers", "qsize", "~"]
    ),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"]),
        min_size=1,
        max_size=20,
    ),
)
descriptions = st.text(
    st.one_of(st.characters(exclude_categories=["Cs", "Cc"]), st.sampled_from("\n\t")), max_size=30
)
positive = st.one_of(
    st.sampled_from([0.001, 0.0005, 0.2, 1.0, 1.5, 3.0, 60.0, 90.0, 3600.0, 1200.0, 1 / 3]),
    st.floats(1e-12, 1e12),
)
shares = st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.floats(0, 1))
counts = st.integers(1, 10_000)


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    """The strategy, or None."""
    return st.one_of(st.none(), strategy)


@st.composite
def weights(draw: st.DrawFn, length: int) -> tuple[float, ...]:
    """Positive weights that sum to 1 as far as floats can."""
    raw = draw(st.lists(st.floats(0.01, 1), min_size=length, max_size=length))
    return tuple(w / sum(raw) for w in raw)


@st.composite
def hyperexponentials(draw: st.DrawFn) -> Hyperexponential:
    n = draw(st.integers(1, 4))
    return Hyperexponential(draw(weights(n)), tuple(draw(positive) for _ in range(n)))


laws = st.one_of(
    st.just(Exponential()),
    st.just(Deterministic()),
    st.builds(Erlang, counts),
    hyperexponentials(),
    st.builds(Lognormal, st.floats(0.01, 1000)),
    st.builds(Weibull, st.floats(0.1, 100)),
    st.builds(Pareto, st.floats(1.001, 1000)),
    st.builds(Empirical, st.lists(positive, min_size=1, max_size=40).map(tuple)),
)


@st.composite
def phase_types(draw: st.DrawFn) -> PhaseType:
    n = draw(st.integers(1, 3))
    rows = []
    for i in range(n):
        row = [0.0 if j == i else draw(st.floats(0, 5)) for j in range(n)]
        row[i] = -(sum(row) + draw(st.floats(0.1, 5)))  # each phase may end the gap
        rows.append(tuple(row))
    return PhaseType(draw(weights(n)), tuple(rows))


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    n = draw(st.integers(1, 4))
    return Mixture(draw(weights(n)), tuple(draw(positive) for _ in range(n)))


@st.composite
def state_machines(draw: st.DrawFn) -> StateMachine:
    n = draw(st.integers(1, 3))
    rows = tuple(tuple(draw(st.floats(0.01, 10)) for _ in range(n)) for _ in range(n))
    return StateMachine(rows, tuple(draw(positive) for _ in range(n)))


traces = (
    st.lists(st.floats(0, 1e6), min_size=2, max_size=30)
    .map(sorted)
    .filter(lambda times: times[-1] - times[0] > 1e-6)
    .map(lambda times: Trace(tuple(times)))
)
arrivals = st.one_of(st.just(Poisson()), phase_types(), mixtures(), state_machines(), traces)
backoffs = st.builds(
    Backoff,
    base=st.one_of(st.just(0.0), positive),
    multiplier=st.floats(1, 10),
    cap=positive,
    jitter=shares,
)
budgets = st.builds(RetryBudget, ratio=st.floats(0, 100), burst=st.floats(1, 1000))
breakers = st.builds(
    Breaker, window=counts, threshold=st.floats(0.01, 1), open_for=positive, probes=counts
)
disciplines = st.one_of(st.just(Fifo()), st.just(Lifo()), st.builds(AdaptiveLifo, counts))
admissions = st.one_of(
    st.builds(ThresholdAdmission, st.integers(0, 1000), shares),
    st.builds(TokenBucket, positive, counts),
    st.tuples(positive, positive).map(lambda pair: CoDel(min(pair), max(pair))),
    st.builds(ConcurrencyLimit, counts),
)
slowdowns = st.builds(
    LoadSlowdown,
    coefficient=st.floats(0, 1e6),
    scale=st.floats(1, 1e6),
    exponent=st.floats(0.1, 10),
    by=st.sampled_from(["queue", "in_service"]),
)
caches = st.builds(LookAsideCache, keys=counts, ttl=positive, warm=shares)
late = st.sampled_from(["discard", "accept"])
limits = st.one_of(
    st.builds(Limit, st.sampled_from(["recovery_p99", "recovery_mean", "collapse_mean"]), positive),
    st.builds(Limit, st.just("goodput"), st.floats(0, 1, exclude_min=True, exclude_max=True)),
    st.builds(
        Limit,
        st.sampled_from(["tipping_spike", "tipping_slowdown"]),
        positive.map(lambda more: 1.0 + more),
        positive,
    ),
)


@st.composite
def servers(draw: st.DrawFn, name: str, callees: list[Server]) -> Server:
    """A server that may call each of `callees`."""
    targets = [(s.name, api) for s in callees for api in s.apis]
    apis = {}
    for api in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        calls = tuple(
            DependentCall(
                callee,
                name,
                api_name,
                call_type=draw(st.sampled_from(["wait_until_done", "fire_and_forget"])),
                timeout=draw(positive),
                retry=draw(st.integers(0, 5)),
                backoff=draw(backoffs),
                late_responses=draw(late),
            )
            for callee, api_name in draw(
                st.lists(st.sampled_from(targets), max_size=3) if targets else st.just([])
            )
        )
        apis[api] = Work(draw(positive), calls, draw(laws))
    qsize = draw(counts)
    return Server(
        name,
        apis,
        qsize,
        orbit_size=draw(maybe(counts)),
        thread_pool=draw(st.integers(1, min(qsize, 1000))),
        discipline=draw(disciplines),
        admission=draw(maybe(admissions)),
        drop_expired=draw(st.booleans()),
        fail_fast=draw(st.booleans()),
        slowdown=draw(maybe(slowdowns)),
        cache=draw(maybe(caches)),
    )


@st.composite
def sources(draw: st.DrawFn, name: str, server: Server) -> Source:
    """A source that asks something that `server` serves."""
    process = draw(arrivals)
    rates = st.one_of(st.just(0.0), positive)
    return Source(
        name,
        draw(st.sampled_from(list(server.apis))),
        draw(rates if process.natural_rate is None else maybe(rates)),
        timeout=draw(positive),
        retries=draw(st.integers(0, 100)),
        arrivals=process,
        backoff=draw(backoffs),
        budget=draw(maybe(budgets)),
        breaker=draw(maybe(breakers)),
        late_responses=draw(late),
    )


@st.composite
def programs(draw: st.DrawFn, max_servers: int = 3, max_sources: int = 3) -> Program:
    """A whole program: calls go from later servers to earlier ones, and all are reached."""
    program = Program(draw(names), description=draw(descriptions))
    made: list[Server] = []
    for name in draw(st.lists(names, min_size=1, max_size=max_servers, unique=True)):
        made.append(draw(servers(name, made)))
    program.add_servers(made)
    called = {c.callee for s in made for w in s.apis.values() for c in w.downstream}
    asked = [s for s in made if s.name not in called]
    asked += [draw(st.sampled_from(made)) for _ in range(draw(st.integers(0, max_sources - 1)))]
    labels = st.lists(names, min_size=len(asked), max_size=len(asked), unique=True)
    for name, server in zip(draw(labels), asked, strict=True):
        program.add_source(draw(sources(name, server)))
        program.connect(name, server.name)
    times = st.one_of(st.just(0.0), positive)
    a_server, a_source = (
        st.sampled_from([p.name for p in parts]) for parts in (made, program.sources)
    )
    faults = st.one_of(
        st.builds(Spike, a_source, positive, times, positive),
        st.builds(Slowdown, a_server, positive, times, positive),
        st.builds(Outage, a_server, times, positive),
    )
    program.faults = Schedule(tuple(draw(st.lists(faults, max_size=3))))
    program.limits = tuple(draw(st.lists(limits, max_size=3)))
    return program.check()
