"""What one can do with the list of the history, and its percentiles."""

from __future__ import annotations

from typing import Final

from venom_otel.cockpit import formats
from venom_otel.services.tables import Format

EXPORT: Final = "Export"
EXPORT_HELP: Final = "All requests that match, oldest first, as a file"
FORMATS: Final = {Format.CSV: "Table (CSV)", Format.JSONL: "JSON lines"}
COPY_LINK: Final = "Copy link"
COPY_LINK_HELP: Final = "A link to these requests: times like “last hour” become the times they are now"
COPY_REQUEST_LINK: Final = "Copy a permanent link to this request"

FALLBACK_FILTER: Final = "Filter by routing"
FALLBACKS: Final = {"": "Routed or not", "true": "Fallbacks only", "false": "First choices only"}

PERCENTILES: Final = "Percentiles"
PERCENTILES_HELP: Final = "By provider, model and endpoint"
PROVIDER: Final = "Provider"
MODEL: Final = "Model"
ENDPOINT: Final = "Endpoint"
COUNT: Final = "Requests"
FAILED: Final = "Failed"
DURATION: Final = "Duration"
FIRST: Final = "First token"
NO_GROUP: Final = "No request in this time."


def more_groups(number: int) -> str:
    """Groups that are not shown."""
    return f"and {formats.count(number)} more with fewer requests"
