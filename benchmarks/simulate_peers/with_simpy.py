"""SimPy as its guide teaches it: a Resource, a process per attempt, conditions for timeouts.

Models: clients that time out and retry (``retry``; ``stuck``: 500 of them at the start), or wait for
ever (``plain``).
"""

import json
import random
import sys
import time

import simpy

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
RATE, MU, QSIZE, TIMEOUT, RETRIES = 9.5, 10.0, 100, 9.0, 3
attempts = completions = 0


def attempt(env, server):
    global completions
    with server.request() as turn:
        yield turn
        yield env.timeout(random.expovariate(MU))
    completions += 1


def request(env, server):
    global attempts
    for _ in range(1 if MODEL == "plain" else RETRIES + 1):
        attempts += 1
        full = server.count + len(server.queue) >= QSIZE
        sent = env.event() if full else env.process(attempt(env, server))
        if MODEL == "plain":
            if not full:
                yield sent
            return
        answered = yield sent | env.timeout(TIMEOUT)
        if sent in answered:
            return


def arrivals(env, server):
    for _ in range(500 if MODEL == "stuck" else 0):
        env.process(request(env, server))
    while True:
        yield env.timeout(random.expovariate(RATE))
        env.process(request(env, server))


random.seed(SEED)
env = simpy.Environment()
env.process(arrivals(env, simpy.Resource(env, capacity=1)))
begin = time.process_time()
env.run(until=HORIZON)
seconds = time.process_time() - begin
print(json.dumps({"attempts": attempts, "completions": completions, "seconds": seconds}))
