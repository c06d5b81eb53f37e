"""SYNTHETIC respondents of any study: for demonstrations, tutorials, tests and load."""

from panel.sources.synthetic.deliveries import Simulation, simulate
from panel.sources.synthetic.plan import Plan, load_plan

__all__ = ["Plan", "Simulation", "load_plan", "simulate"]
