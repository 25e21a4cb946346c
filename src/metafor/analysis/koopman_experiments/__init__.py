"""Mixing times out of simulated runs and out of learned models, as Metafor's README asks for them.

"Mixing time" is Metafor's word for the settling time of the expected state; see
`separatrix.koopman.settling`. The time in which the law is near the stationary one in total variation
is `separatrix.markov.mixing_time`.
"""
