"""Separatrix: can this service get stuck, for how long, and which knob gets it out?"""

__version__ = "0.1.0"
