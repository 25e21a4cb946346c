"""Users and projects to metadata targets, under a budget of moves and with a proven gap."""

from separatrix.placement.commands import Command, checked_template, commands
from separatrix.placement.demand import Demand, demand
from separatrix.placement.exact import Solution, solve
from separatrix.placement.plan import Move, Plan, place
from separatrix.placement.problem import Limits, Problem
from separatrix.placement.users import UserFacts, read_users

__all__ = [
    "Command",
    "Demand",
    "Limits",
    "Move",
    "Plan",
    "Problem",
    "Solution",
    "UserFacts",
    "checked_template",
    "commands",
    "demand",
    "place",
    "read_users",
    "solve",
]
