"""Plans and results: as values, as text for people, as JSON for scripts."""

from kvsync.report.comparing import comparison_lines, conversion_lines, export_line, unread_lines
from kvsync.report.comparison import (
    Comparison,
    Converted,
    Difference,
    Exported,
    FailuresFile,
)
from kvsync.report.document import document, error_fields, json_pieces
from kvsync.report.losses import loss_lines, tally_lines
from kvsync.report.result import Report, RunReport
from kvsync.report.text import (
    error_lines,
    failure_lines,
    mistake_lines,
    plan_lines,
    rebuilt_lines,
    result_lines,
    retry_lines,
)

__all__ = [
    "Comparison",
    "Converted",
    "Difference",
    "Exported",
    "FailuresFile",
    "Report",
    "RunReport",
    "comparison_lines",
    "conversion_lines",
    "document",
    "error_fields",
    "error_lines",
    "export_line",
    "failure_lines",
    "json_pieces",
    "loss_lines",
    "mistake_lines",
    "plan_lines",
    "rebuilt_lines",
    "result_lines",
    "retry_lines",
    "tally_lines",
    "unread_lines",
]
