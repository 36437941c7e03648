"""A report goes along with the mail that tells of it, where it is small enough and where it is still kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from talktime.core.insight.exporting.schedules import ATTACHED_BYTES_MAX
from talktime.core.organizations.deliveries import Attachment, Mail, Notice
from talktime.core.values.events import EventKind

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
    ".zip": "application/zip",
}


def with_report(
    write_mail: Callable[[Notice], Mail], folder: Path, *, bytes_max: int = ATTACHED_BYTES_MAX
) -> Callable[[Notice], Mail]:
    """Return a writer of mails that attaches finished exports from a folder; the mail says how to fetch the others."""

    def write(notice: Notice) -> Mail:
        mail = write_mail(notice)
        if notice.event.kind is not EventKind.REPORT_READY or not notice.is_file_kept:
            return mail
        path = folder / Path(dict(notice.event.details).get("file", "")).name
        if path.suffix not in _MEDIA_TYPES or not path.is_file() or path.stat().st_size > bytes_max:
            return mail
        # As bytes and not as text: line ends are part of the file, and of its hash.
        return replace(mail, attachments=(Attachment(path.name, _MEDIA_TYPES[path.suffix], path.read_bytes()),))

    return write
