r"""From telemetry and weights to a `Program` of the metadata server: the bridge to the engines.

An operation k costs w_k units of load score, and the fitted response says which CPU load a score
causes, u(s) = base + c g(s). The score at which the processors are busy,

    s^* = g^{-1}((100 - base) / c) ,

is the server's capacity in score per second, shared by all operations: with n threads, one thread
completes operation k at the rate

    \mu_k = s^* / (n w_k)   [1/s] ,

so that n threads busy with any mix of operations complete s^* units of score per second. Groups of
users ask for operation k at the rate that their counters show. What telemetry does not show, how
long clients wait, how often they try again and how much the server lets queue, is for the caller to
say; it decides whether the server can get stuck.

`bundle` operations may be taken as one request of the model: rates fall and service times rise by
that factor, so that queues of thousands of operations fit an exact engine. Chance is then
exaggerated, since a bundle comes and goes as a whole.
"""

from separatrix.identify.program import Clients, Identified, identify

__all__ = ["Clients", "Identified", "identify"]
