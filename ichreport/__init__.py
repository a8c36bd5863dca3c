"""A reproducible report on detecting intracranial hemorrhage (ICH) in head CT."""

from importlib.metadata import version

__version__ = version("ichreport")
