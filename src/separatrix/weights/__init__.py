"""Cost weights of metadata operations and the load scores that they give."""

from separatrix.weights.estimator import CostWeights, provenance_of
from separatrix.weights.files import dumps, load, loads, save
from separatrix.weights.regression import RegressionOptions
from separatrix.weights.result import Response, Weights
from separatrix.weights.summary import OperationSummary, Summary, summarise

__all__ = [
    "CostWeights",
    "OperationSummary",
    "RegressionOptions",
    "Response",
    "Summary",
    "Weights",
    "dumps",
    "load",
    "loads",
    "provenance_of",
    "save",
    "summarise",
]
