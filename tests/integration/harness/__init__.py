"""What the integration tests are made of: real peers, the real daemon, and clients that can lie."""

from .clients import Nas, NoAnswer
from .downstream import FakeDownstream, RadiusSimulator
from .freeradius import FreeRadius
from .net import loopback_address, wait_until
from .notakey import NotakeySimulator
from .process import Process
from .sallyport import Sallyport

__all__ = [
    "FakeDownstream",
    "FreeRadius",
    "Nas",
    "NoAnswer",
    "NotakeySimulator",
    "Process",
    "RadiusSimulator",
    "Sallyport",
    "loopback_address",
    "wait_until",
]
