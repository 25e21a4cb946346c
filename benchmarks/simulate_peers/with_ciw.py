"""Ciw: the plain queue (it has no retrying clients)."""

import json
import sys
import time

import ciw

MODEL, HORIZON, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
assert MODEL == "plain", "Ciw has no retrying clients"
network = ciw.create_network(
    arrival_distributions=[ciw.dists.Exponential(9.5)],
    service_distributions=[ciw.dists.Exponential(10.0)],
    number_of_servers=[1],
    queue_capacities=[99],
)
ciw.seed(SEED)
simulation = ciw.Simulation(network)
begin = time.process_time()
simulation.simulate_until_max_time(HORIZON)
seconds = time.process_time() - begin
arrived = simulation.nodes[0].number_of_individuals
served = len(simulation.get_all_records())
print(json.dumps({"attempts": arrived, "completions": served, "seconds": seconds}))
