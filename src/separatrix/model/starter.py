"""A model to begin with: every line says what it means and what to write instead."""

STARTER = """\
# A service, its clients, and what may go wrong. Check it with: separatrix check THIS_FILE
separatrix: 1                   # version of this format
name: My service

servers:
  backend:
    qsize: 100                  # most requests at the server at once, waiting and in service
    thread_pool: 8              # how many it works on at the same time
    apis:
      get:
        processing_rate: 20/s   # of one thread: 1 / (mean time of a request)

sources:
  clients:
    server: backend
    api: get
    arrival_rate: 120/s         # requests, before any retry; the capacity here is 8 x 20/s
    timeout: 1s                 # a client gives an attempt up after this
    retries: 2                  # further attempts after the first
    # backoff: {base: 100ms, multiplier: 2, jitter: 50%}   # wait before each retry
    # budget: {ratio: 10%}      # retries may be at most this share of first attempts

# what happens to it: separatrix simulate follows every request through it
faults:
  - {kind: spike, source: clients, factor: 3x, start: 60s, duration: 10s}

# promises that `separatrix check` tests; it exits with 10 when one is broken
# limits:
#   - recovery_p99 < 5min
#   - goodput > 0.99
"""
