"""salabim: a queue whose clients time out and retry (``retry``), or wait for ever (``plain``)."""

import json
import sys
import time
from collections import deque

import salabim as sim

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
RATE, MU, QSIZE, TIMEOUT, RETRIES = 9.5, 10.0, 100, 9.0, 3
attempts = completions = 0
queue = deque()
sim.yieldless(False)


class Request(sim.Component):
    def process(self):
        global attempts
        for attempt in range(1 if MODEL == "plain" else RETRIES + 1):
            attempts += 1
            self.current, self.answered = attempt, False
            admitted = len(queue) < QSIZE
            if admitted:
                queue.append((self, attempt))
                if server.ispassive():
                    server.activate()
            if MODEL == "plain":
                if admitted:
                    yield self.passivate()
                return
            yield self.hold(TIMEOUT)  # cut short by the answer
            if self.answered:
                return
        self.current = -1


class Server(sim.Component):
    def process(self):
        global completions
        while True:
            if not queue:
                yield self.passivate()
            yield self.hold(env.Exponential(1 / MU).sample())
            request, attempt = queue.popleft()
            completions += 1
            if request.current == attempt and not request.answered and not request.isdata():
                request.answered = True
                request.activate()


class Arrivals(sim.Component):
    def process(self):
        gap = env.Exponential(1 / RATE)
        for _ in range(500 if MODEL == "stuck" else 0):
            Request()
        while True:
            yield self.hold(gap.sample())
            Request()


env = sim.Environment(random_seed=SEED, trace=False)
server = Server()
Arrivals()
begin = time.process_time()
env.run(till=HORIZON)
seconds = time.process_time() - begin
print(json.dumps({"attempts": attempts, "completions": completions, "seconds": seconds}))
