"""Cost weights of metadata operations and the load scores that they give."""

from separatrix.weights.estimator import CostWeights, provenance_of
from separatrix.weights.files import dumps, load, loads, save
from separatrix.weights.ledger import Ledger, read_projects
from separatrix.weights.one_pass import summarise
from separatrix.weights.regression import RegressionOptions
from separatrix.weights.result import Response, Weights
from separatrix.weights.study import Study, study
from separatrix.weights.summary import OperationSummary, Summary

__all__ = [
    "CostWeights",
    "Ledger",
    "OperationSummary",
    "RegressionOptions",
    "Response",
    "Study",
    "Summary",
    "Weights",
    "dumps",
    "load",
    "loads",
    "provenance_of",
    "read_projects",
    "save",
    "study",
    "summarise",
]
