"""Files of usage from elsewhere → calls: exports, the Graph API's pages, switches' records, any CSV with a mapping."""

from talktime.imports.usage.files import HowToRead, UsageFormat, count_lines, read_usage_file
from talktime.imports.usage.mappings import UsageMapping, read_mapping

__all__ = ["HowToRead", "UsageFormat", "UsageMapping", "count_lines", "read_mapping", "read_usage_file"]
