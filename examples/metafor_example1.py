"""The first example of Metafor's README, unchanged but for the line that imports what it leaves undefined."""

from metafor import basic_stats, program
from metafor.analysis.visualize import Visualizer
from metafor.dsl.dsl import Program, Server, Source, Work

# Define server processing rate
api = {"insert": Work(10, [])}
# Configure server parameters: queue size, orbit size, threads
server = Server("52", api, qsize=100, orbit_size=20, thread_pool=1)
# Define client request behavior
src = Source("client", "insert", 9.5, timeout=3, retries=4)
# Build the request-response system
p = Program("Service52")
p.add_server(server)
p.add_source(src)
p.connect("client", "52")

basic_stats(p)

v = Visualizer(program())
v.visualize(show_equilibrium=True)
