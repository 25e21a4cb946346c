"""SimPy with as little of it as possible: one server process, an event per attempt, a deque."""

import json
import random
import sys
import time
from collections import deque

import simpy

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
RATE, MU, QSIZE, TIMEOUT, RETRIES = 9.5, 10.0, 100, 9.0, 3
attempts = completions = 0


class Server:
    def __init__(self, env):
        self.env, self.queue, self.sleeping = env, deque(), None
        env.process(self.serve())

    def offer(self):
        if len(self.queue) >= QSIZE:
            return None
        done = self.env.event()
        self.queue.append(done)
        if self.sleeping is not None:
            self.sleeping.succeed()
            self.sleeping = None
        return done

    def serve(self):
        global completions
        while True:
            if not self.queue:
                self.sleeping = self.env.event()
                yield self.sleeping
            yield self.env.timeout(random.expovariate(MU))
            self.queue.popleft().succeed()
            completions += 1


def request(env, server):
    global attempts
    for _ in range(1 if MODEL == "plain" else RETRIES + 1):
        attempts += 1
        done = server.offer()
        if MODEL == "plain":
            if done is not None:
                yield done
            return
        timer = env.timeout(TIMEOUT)
        if done is None:
            yield timer
        elif done in (yield done | timer):
            return


def arrivals(env, server):
    for _ in range(500 if MODEL == "stuck" else 0):
        env.process(request(env, server))
    while True:
        yield env.timeout(random.expovariate(RATE))
        env.process(request(env, server))


random.seed(SEED)
env = simpy.Environment()
env.process(arrivals(env, Server(env)))
begin = time.process_time()
env.run(until=HORIZON)
seconds = time.process_time() - begin
print(json.dumps({"attempts": attempts, "completions": completions, "seconds": seconds}))
