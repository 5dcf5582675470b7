"""Result records in, pages and files out. Every report is a pure function of a results folder."""

from reports.compare import Comparison, compare_results
from reports.errors import ReportError
from reports.load import load
from reports.records import Result, Results, Standing, Verdict
from reports.write import write_all

__all__ = [
    "Comparison",
    "ReportError",
    "Result",
    "Results",
    "Standing",
    "Verdict",
    "compare_results",
    "load",
    "write_all",
]
