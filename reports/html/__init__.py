"""The page that a person reads: one file without any reference to the network."""

from reports.html.page import coverage_page, profile_page, report_page

__all__ = ["coverage_page", "profile_page", "report_page"]
