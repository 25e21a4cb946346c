"""happysim: its own client and server, with timeouts and retries (``retry``) or without."""

import json
import logging
import random
import sys
import time

from happysimulator import Instant, Server, Simulation, Source
from happysimulator.components.client.client import Client
from happysimulator.components.client.retry import FixedRetry, NoRetry
from happysimulator.distributions import ExponentialLatency

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
assert MODEL != "stuck", "its client cannot send a burst"
logging.disable(logging.CRITICAL)
random.seed(SEED)
server = Server("server", service_time=ExponentialLatency(0.1), queue_capacity=99)
client = Client(
    "client",
    server,
    timeout=9.0 if MODEL == "retry" else None,
    retry_policy=FixedRetry(max_attempts=4, delay=0.0) if MODEL == "retry" else NoRetry(),
)
source = Source.poisson(rate=9.5, target=client)
simulation = Simulation(
    sources=[source], entities=[client, server], end_time=Instant.from_seconds(HORIZON)
)
begin = time.process_time()
simulation.run()
seconds = time.process_time() - begin
stats = client.stats
sent = stats.requests_sent
print(json.dumps({"attempts": sent, "completions": stats.responses_received, "seconds": seconds}))
