"""What can go wrong when a report is made."""


class ReportError(Exception):
    """A results folder cannot be read. Its text is one line: file, line, key, value and what was expected."""
