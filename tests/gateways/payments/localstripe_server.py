"""localstripe in a process of its own, on 127.0.0.1, made to keep Stripe's promises that we rely on.

It prints its port when it listens, and ends when its standard input does. What is mended, and nothing else:

- an idempotency key answers again what it answered, and refuses another request (localstripe ignores keys);
- payments can be listed by customer or since an instant, newest first, and searched by metadata (it can do neither);
- parameters newer than localstripe are taken: description, error_on_requires_action, allowed_payment_method_types;
- nothing is written to a disk, and no other machine can reach it.

Exit code 3 says that localstripe cannot be imported here.
"""

import asyncio
import re
import sys
import threading
from os import _exit

try:
    from aiohttp import web
    from localstripe import resources
    from localstripe.server import app
except ImportError as missing:
    print(missing, file=sys.stderr)
    raise SystemExit(3) from missing

_PAIR = re.compile(r'metadata\["(\w+)"\]:"([^"]*)"')
_NEWER = {"description", "error_on_requires_action", "allowed_payment_method_types"}
_answered: dict[str, tuple[tuple[str, bytes], int, bytes]] = {}


@web.middleware
async def once_for_each_key(request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key")
    if request.method != "POST" or key is None:
        return await handler(request)
    asked = (request.path, await request.read())
    if key in _answered:
        before, status, body = _answered[key]
        if before != asked:
            error = {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used once."}
            return web.json_response({"error": error}, status=400)
        return web.Response(body=body, status=status, content_type="application/json")
    response = await handler(request)
    _answered[key] = (asked, response.status, response.body)
    return response


@web.middleware
async def searched(request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:
    """Answer before localstripe takes the word `search` for the id of a payment."""
    if request.path != "/v1/payment_intents/search":
        return await handler(request)
    wanted = dict(_PAIR.findall(request.query["query"]))
    found = [
        intent._export()
        for name, intent in list(resources.store.items())
        if name.startswith("payment_intent:") and wanted.items() <= intent.metadata.items()
    ]
    return web.json_response({"object": "search_result", "data": found, "has_more": False, "url": request.path})


def mend() -> None:
    resources.store.dump_to_disk = lambda: None
    created, listed = resources.PaymentIntent._api_create, resources.PaymentIntent._api_list_all

    def create(**data: object) -> resources.PaymentIntent:
        return created(**{name: value for name, value in data.items() if name not in _NEWER})

    def list_all(url: str, customer: str = "", created: dict | None = None, **data: object) -> resources.List:
        page = listed(url, **data)
        since = int((created or {}).get("gte", 0))
        page._list = [
            intent for intent in reversed(page._list) if customer in {"", intent.customer} and intent.created >= since
        ]
        return page

    resources.PaymentIntent._api_create = staticmethod(create)
    resources.PaymentIntent._api_list_all = staticmethod(list_all)
    app.middlewares[:0] = [once_for_each_key, searched]


async def serve() -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def end_with_input() -> None:
    sys.stdin.read()
    _exit(0)


if __name__ == "__main__":
    mend()
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(serve())
