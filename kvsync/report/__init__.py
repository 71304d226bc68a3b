"""What a call did or would do: as values, as text for people, as JSON for scripts."""

from kvsync.report.document import document
from kvsync.report.result import Report, RunReport
from kvsync.report.text import error_lines, failure_lines, mistake_lines, plan_lines, result_lines

__all__ = [
    "Report",
    "RunReport",
    "document",
    "error_lines",
    "failure_lines",
    "mistake_lines",
    "plan_lines",
    "result_lines",
]
