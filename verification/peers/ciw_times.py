"""Times at the server of one customer a run, as Ciw has them: run by the Python that has Ciw."""

import json
import sys

import ciw

LAWS = {
    "exponential": lambda: ciw.dists.Exponential(10.0),
    "deterministic": lambda: ciw.dists.Deterministic(0.1),
    "lognormal": lambda: ciw.dists.Lognormal(-2.995_732_25, 1.177_41),
}
law, threads, size, rate, runs = sys.argv[1], *map(int, sys.argv[2:4]), *map(float, sys.argv[4:6])
times = []
for seed in range(int(runs)):
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate)],
        service_distributions=[LAWS[law]()],
        number_of_servers=[threads],
        queue_capacities=[size - threads],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(400 / rate)
    records = [r for r in simulation.get_all_records() if r.record_type == "service"]
    record = sorted(records, key=lambda r: r.arrival_date)[199]
    times.append(record.exit_date - record.arrival_date)
print(json.dumps(times))
