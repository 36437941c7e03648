"""One-time events (TS 32.290 §5.3.2): a call that is charged at once, after it was made or before."""

from talktime.core.calls.calls import DenialReason
from talktime.core.calls.requests import ChargingTerms, Denied, Finished, Granted, Request
from talktime.group_commit import Answered, GroupCommitter
from talktime.interfaces.nchf.reading import Event


async def charge(committer: GroupCommitter, event: Event, terms: ChargingTerms) -> Finished | Denied | Exception:
    """Charge an event once, however often it is sent; raise Unavailable.

    What was made is charged, start and end in one ticket; what is asked for first only where all of it is paid.
    """
    if event.is_made:
        started, ended = await committer.charge((event.start, event.end(event.seconds)))
        return _charged(started, ended, event)
    asked: list[Request] = [event.start]
    if event.seconds > terms.quantum_seconds:
        asked.append(event.extension(terms.quantum_seconds))
    answer = (await committer.charge(asked))[-1]
    match answer:
        case Exception():
            return answer
        case Denied(reason) if reason is not DenialReason.CALL_ENDED:
            return answer
        case _:
            # Of an event that has ended, its end repeats what it came to.
            is_paid = not isinstance(answer, Granted) or answer.granted_seconds >= event.seconds
            (ended,) = await committer.charge((event.end(event.seconds if is_paid else 0),))
            return _charged(answer, ended, event)


def _charged(started: Answered, ended: Answered, event: Event) -> Finished | Denied | Exception:
    if isinstance(started, Exception):
        return started
    if isinstance(ended, Exception):
        return ended
    if isinstance(started, Denied) and started.reason is not DenialReason.CALL_ENDED:
        return started
    if isinstance(ended, Finished) and (event.is_made or ended.used_seconds == event.seconds):
        return ended
    return Denied(DenialReason.CREDIT_EXHAUSTED)
