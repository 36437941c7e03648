"""Microsoft's own SDK against the real server: by base URL and token provider, and nothing else changed."""

import asyncio
import csv
import time
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from talktime.interfaces.cli.main import main
from tests.interfaces.charging.servers import HOST, Server, serving
from tests.interfaces.graph.tls import tls_proxy
from tests.interfaces.graph.world import Program, admit, fill, form

with warnings.catch_warnings():
    # The SDK uses what it has deprecated itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from azure.core.credentials import AccessToken
    from azure.identity import ClientSecretCredential
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.generated.communications.call_records.call_records_request_builder import CallRecordsRequestBuilder
    from msgraph.generated.models.call_records.direct_routing_log_row import DirectRoutingLogRow
    from msgraph.generated.models.call_records.pstn_call_log_row import PstnCallLogRow
    from msgraph.generated.models.o_data_errors.o_data_error import ODataError
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient
    from msgraph_core.tasks.page_iterator import PageIterator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

STARTS_AT = datetime(2026, 3, 1, tzinfo=UTC)
ENDS_AT = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)


class ClientSecret:
    """A credential as azure.identity has them, that asks our token endpoint."""

    def __init__(self, server: Server, program: Program) -> None:
        self._address = f"http://{HOST}:{server.port}/{program.tenant}/oauth2/v2.0/token"
        self._program = program
        self.scopes: tuple[str, ...] = ()

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes = scopes
        answer = httpx2.post(self._address, data=form(self._program, scope=scopes[0])).json()
        return AccessToken(answer["access_token"], int(time.time()) + answer["expires_in"])


def test_a_month_of_calls_is_read_page_by_page_and_equals_the_export(
    migrated_database_url: str, tmp_path: Path
) -> None:
    fill(migrated_database_url, short_calls_count=2_100)
    program = admit(migrated_database_url, "Acme")
    exported = _exported(migrated_database_url, tmp_path)

    with serving(migrated_database_url, tmp_path) as server:
        pages, rows, attempts = asyncio.run(_read(server, program))

    assert pages == 3
    assert len(rows) == len(exported) > 2_100
    assert [_cells(row) for row in rows] == [_wanted(row) for row in exported]
    assert {row.call_type for row in rows} == {"user_out", "user_in", "conf_in", "conf_out", "emergency_out"}
    # Each call once, however many sources paid for it; and those that were refused.
    assert len({row.id for row in attempts}) == len(attempts)
    assert sum(bool(row.successful_call) for row in attempts) > 2_100


def test_what_the_sdk_may_not_read_it_raises_as_graph_would(
    sqlite_world: str, sqlite_token: Program, tmp_path: Path
) -> None:
    with serving(sqlite_world, tmp_path) as server:
        failure = asyncio.run(_refused(server, sqlite_token))

    assert failure.response_status_code == 400
    assert failure.error is not None
    assert failure.error.code == "BadRequest"
    assert "90 days" in (failure.error.message or "")
    assert failure.error.inner_error is not None
    assert failure.error.inner_error.request_id


def test_the_credential_of_azure_identity_finds_its_way_by_its_authority(
    sqlite_world: str, sqlite_token: Program, tmp_path: Path
) -> None:
    with tls_proxy(tmp_path) as proxy, serving(sqlite_world, tmp_path, graph_api_root=proxy.address) as server:
        proxy.target_port = server.port
        credential = ClientSecretCredential(
            sqlite_token.tenant,
            sqlite_token.client_id,
            sqlite_token.secret,
            authority=proxy.address,
            disable_instance_discovery=True,
            connection_verify=str(proxy.certificate),
        )
        with credential:
            page = asyncio.run(_first_page(server, credential))

    assert page.odata_count == len(page.value or []) > 30


async def _first_page(server: Server, credential: Any) -> Any:
    records, adapter = _client(server, credential)
    request = records.microsoft_graph_call_records_get_pstn_calls_with_from_date_time_with_to_date_time
    page = await request(STARTS_AT, ENDS_AT).get()
    await _closed(adapter)
    return page


async def _read(server: Server, program: Program) -> tuple[int, list[PstnCallLogRow], list[DirectRoutingLogRow]]:
    records, adapter = _client(server, ClientSecret(server, program))
    rows: list[PstnCallLogRow] = []
    request = records.microsoft_graph_call_records_get_pstn_calls_with_from_date_time_with_to_date_time
    page = await request(STARTS_AT, ENDS_AT).get()
    assert page is not None
    assert page.odata_count == 1_000
    pages = 1
    while page is not None and page.odata_next_link is not None:
        rows += page.value or []
        page = await request(STARTS_AT, ENDS_AT).with_url(page.odata_next_link).get()
        pages += 1
    assert page is not None
    rows += page.value or []

    # The SDK's own way to turn pages.
    attempts: list[DirectRoutingLogRow] = []
    trunks = records.microsoft_graph_call_records_get_direct_routing_calls_with_from_date_time_with_to_date_time
    first = await trunks(STARTS_AT, ENDS_AT).get()
    await PageIterator(first, adapter).iterate(lambda row: attempts.append(row) or True)
    await _closed(adapter)
    return pages, rows, attempts


async def _refused(server: Server, program: Program) -> ODataError:
    records, adapter = _client(server, ClientSecret(server, program))
    request = records.microsoft_graph_call_records_get_pstn_calls_with_from_date_time_with_to_date_time
    with pytest.raises(ODataError) as raised:
        await request(datetime(2025, 12, 31, tzinfo=UTC), ENDS_AT).get()
    await _closed(adapter)
    return raised.value


def _client(server: Server, credential: Any) -> tuple[CallRecordsRequestBuilder, GraphRequestAdapter]:
    provider = AzureIdentityAuthenticationProvider(
        credential, scopes=["https://talktime.example/.default"], allowed_hosts=[HOST]
    )
    adapter = GraphRequestAdapter(provider)
    client = GraphServiceClient(request_adapter=adapter)
    # Afterwards, because the client sets its own.
    adapter.base_url = f"http://{HOST}:{server.port}/v1.0"
    return client.communications.call_records, adapter


async def _closed(adapter: GraphRequestAdapter) -> None:
    """Close what the SDK leaves open: its own transport hides httpx's."""
    await adapter._http_client._transport.transport.aclose()
    await adapter._http_client.aclose()


def _exported(url: str, folder: Path) -> list[dict[str, str]]:
    """Return what `talktime usage export` writes, callers from its own layout beside it."""
    period = ("--from", "2026-03-01", "--to", "2026-03-31")
    whose = ("--organization", "Acme", "--database", url)
    rows: list[list[dict[str, str]]] = []
    for layout in ("original", "talktime"):
        path = folder / f"{layout}.csv"
        assert main(["usage", "export", "--csv", str(path), "--layout", layout, *period, *whose]) == 0
        with path.open(newline="", encoding="utf-8") as stream:
            rows.append(list(csv.DictReader(stream)))
    return [{**original, "caller": own["caller"]} for original, own in zip(*rows, strict=True)]


def _cells(row: PstnCallLogRow) -> dict[str, object]:
    return {
        "id": row.id,
        "call": row.call_id,
        "conference": row.conference_id,
        "location": row.usage_country_code,
        "tenant": row.tenant_country_code,
        "user": (row.user_id, row.user_principal_name, row.user_display_name),
        "type": row.call_type,
        "inventory": row.inventory_type,
        "context": row.destination_context,
        "destination": row.destination_name,
        "numbers": (row.caller_number, row.callee_number),
        "span": (row.start_date_time, row.end_date_time, row.duration),
        "money": (row.connection_charge, row.charge, row.currency),
        "capability": row.license_capability,
        "operator": row.operator,
        "source": None if row.call_duration_source is None else row.call_duration_source.value,
    }


def _wanted(row: dict[str, str]) -> dict[str, object]:
    source = row["Source of Call Duration"]
    return {
        "id": row["UsageId"],
        "call": row["Call ID"],
        "conference": row["Conference ID"] or None,
        "location": row["User Location"],
        "tenant": "GB",
        "user": tuple(row[name] or None for name in ("Microsoft Entra ObjectId", "UPN", "User Display Name")),
        "type": row["Call Type"],
        "inventory": row["Number Type"],
        "context": row["Domestic/International"] or None,
        "destination": row["Destination Dialed"] or None,
        "numbers": (row["caller"], row["Destination Number"]),
        "span": (_instant(row["Start Time"]), _instant(row["End Time"]), int(row["Duration Seconds"])),
        # A Double, as v1.0 has it, is the nearest to the exact amount.
        "money": (float(Decimal(row["Connection Fee"])), float(Decimal(row["Charge"])), row["Currency"]),
        "capability": row["Capability"] or None,
        "operator": row["Operator"] or None,
        "source": "microsoft" if source == "talktime" else source,
    }


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
