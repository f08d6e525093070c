"""Folds every view anew from its log, compares, and where asked puts those that differ in place."""

from gateway.rebuild.run import Rebuild, Summary
from gateway.rebuild.settling import DIFFERENT, EQUAL, MISSING, NEWER, Finding

__all__ = ["DIFFERENT", "EQUAL", "MISSING", "NEWER", "Finding", "Rebuild", "Summary"]
