"""Due purchases as durable workflows of DBOS (docs/decisions); the truth stays in our own rows.

A workflow is one whole use case and has no steps: what DBOS would remember of a step is a lease that may have ended
since, so that one that is begun again must look at the row again. Nothing here sleeps, and nothing relies on DBOS to
recover: a purchase that stays due is started again under another id.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID

from talktime.core.credit.buying.payments import PurchaseKey
from talktime.core.values.errors import TalktimeError
from talktime.interfaces.worker.chores import Done
from talktime.store.engine import is_sqlite
from talktime.store.work import DuePurchase
from talktime.store.workflow_engine import open_workflow_engine

QUEUE = "purchases"
# What a purchase does is mostly to wait for the gateway. On SQLite more of them would wait for one another; on
# PostgreSQL each holds one of our connections.
CONCURRENCY_MAX_SQLITE = 4
CONCURRENCY_MAX_POSTGRESQL = 8
POLL_SECONDS = 0.5
# Recovery is by version, and what a workflow of an older release left behind is for every release to finish.
APPLICATION_VERSION = "1"
# Longer than a gateway may take to answer.
STOP_SECONDS_MAX = 110
# Who was started and did nothing for so long is started again.
START_AGAIN_AFTER = timedelta(minutes=1)
NOTHING_TO_DO = "nothing_to_do"
FORGOTTEN_AT_ONCE = 500
FORGOTTEN_PAGES_MAX = 200

log = structlog.get_logger()


class PurchasesAsWorkflows:
    """Charges purchases as workflows of a queue that all workers share."""

    def __init__(self, database_url: str, executor_id: str, charge: Callable[[PurchaseKey], Done | None]) -> None:
        """Launch DBOS under the name of our slot; it goes on with what that name had begun."""
        self._started: set[str] = set()
        _speak_as_we_do()
        self._engine = open_workflow_engine(database_url)
        config: DBOSConfig = {
            "name": "talktime",
            "system_database_url": self._engine.url.render_as_string(hide_password=False),
            "system_database_engine": self._engine,
            "executor_id": executor_id,
            "application_version": APPLICATION_VERSION,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        DBOS(config=config)

        @DBOS.workflow(name="charge_purchase")
        def charge_purchase(organization_id: int, purchase_id: str) -> str:
            return _charged(charge, PurchaseKey(organization_id, purchase_id))

        self._workflow = charge_purchase
        DBOS.launch()
        most = CONCURRENCY_MAX_SQLITE if is_sqlite(database_url) else CONCURRENCY_MAX_POSTGRESQL
        DBOS.register_queue(
            QUEUE, worker_concurrency=most, polling_interval_sec=POLL_SECONDS, on_conflict="always_update"
        )

    def charge(self, due: Sequence[DuePurchase], at: datetime) -> list[Done]:
        """Start a workflow for each, once among all workers; each tells by itself what it did."""
        wanted = {workflow_id(each, at): each for each in due}
        for identity, each in wanted.items():
            if identity not in self._started:
                with SetWorkflowID(identity):
                    DBOS.enqueue_workflow(QUEUE, self._workflow, each.key.organization_id, each.key.purchase_id)
        self._started = set(wanted)
        return []

    def forget(self, before: datetime) -> int:
        """Delete workflows that ended before an instant."""
        count = 0
        for _ in range(FORGOTTEN_PAGES_MAX):
            ended = DBOS.list_workflows(
                completed_before=before.astimezone(UTC).isoformat(),
                limit=FORGOTTEN_AT_ONCE,
                load_input=False,
                load_output=False,
            )
            if not ended:
                break
            DBOS.delete_workflows([each.workflow_id for each in ended])
            count += len(ended)
        return count

    def close(self) -> None:
        """Begin no other workflow, and wait for those that run."""
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=STOP_SECONDS_MAX)
        self._engine.dispose()


def workflow_id(due: DuePurchase, at: datetime) -> str:
    """Return the id that all workers give the same work: another attempt, another lease, another id.

    It changes every minute that the purchase stays due, so that a workflow that died, or ended without doing
    anything, is not the last one.
    """
    turn = (at - due.due_at) // START_AGAIN_AFTER
    return f"{due.key.organization_id}/{due.key.purchase_id}/{due.attempt}/{due.fence}/{turn}"


def _charged(charge: Callable[[PurchaseKey], Done | None], key: PurchaseKey) -> str:
    try:
        done = charge(key)
    except TalktimeError as failure:
        # The row tells how far it came, and is looked at again in a minute.
        log.warning(
            "purchase_not_charged", organization=key.organization_id, purchase=key.purchase_id, why=failure.message
        )
        return failure.code
    except Exception:
        log.exception("purchase_failed", organization=key.organization_id, purchase=key.purchase_id)
        raise
    if done is None:
        return NOTHING_TO_DO
    log.info(done.what, **done.facts)
    return done.what


class _Forwarding(logging.Handler):
    """Hands what DBOS says to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.log(record.levelno, "dbos", said=record.getMessage())


def _speak_as_we_do() -> None:
    logger = logging.getLogger("dbos")
    logger.handlers = [_Forwarding()]
    logger.propagate = False
