"""Webhooks as Standard Webhooks signs them, posted to addresses of the open internet and nowhere else."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

import httpx2
from standardwebhooks import Webhook

from talktime.core.organizations.deliveries import NotSent, Refused, SendResult, Sent, WebhookMessage

# For all of it; a delivery's lease is longer than a batch of these.
TIMEOUT_SECONDS = 15
SUCCESS_CODES = range(200, 300)
REDIRECTION_CODES = range(300, 400)
GONE = 410
PORT_MAX = 65_535
USER_AGENT = "Talktime-Webhooks"


@dataclass(frozen=True, slots=True)
class StandardWebhookSender:
    """Posts messages; to private addresses, and without TLS to these, only where that is allowed."""

    to_private_addresses: bool = False
    timeout_seconds: int = TIMEOUT_SECONDS

    def send(self, message: WebhookMessage) -> SendResult:
        """Post a message; any answer of 2xx is a success, 410 a refusal for good, everything else is tried again."""
        try:
            return asyncio.run(self._post(message))
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as failure:
            return Refused(f"{message.url}: {failure}")
        except (httpx2.HTTPError, OSError, TimeoutError) as failure:
            return NotSent(f"no answer: {str(failure) or type(failure).__name__}", is_down=True)

    async def _post(self, message: WebhookMessage) -> SendResult:
        url = httpx2.URL(message.url)
        if (url.port or 0) > PORT_MAX:
            return Refused(f"{message.url}: there is no port {url.port}")
        async with asyncio.timeout(self.timeout_seconds):
            address = await _resolved(url)
            refusal = self._refusal(url, address)
            if refusal:
                return Refused(refusal)
            # To the address that was judged, not to what the name may say a moment later.
            target = url.copy_with(host=str(address))
            async with (
                httpx2.AsyncClient(timeout=self.timeout_seconds, follow_redirects=False, trust_env=False) as client,
                client.stream(
                    "POST",
                    target,
                    content=message.body,
                    headers=_headers(message, url),
                    extensions={"sni_hostname": url.host},
                ) as response,
            ):
                return _judged(response)

    def _refusal(self, url: httpx2.URL, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
        is_private = not address.is_global or address.is_multicast
        if is_private and not self.to_private_addresses:
            return f"{url.host} is the private address {address}: allow it with TALKTIME_WEBHOOKS_TO_PRIVATE_ADDRESSES"
        if url.scheme != "https" and not is_private:
            return f"{url.host} is on the open internet: its address must begin with https://"
        return ""


async def _resolved(url: httpx2.URL) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    address = ipaddress.ip_address(found[0][4][0])
    # ::ffff:10.0.0.1 is 10.0.0.1, whatever it looks like.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _headers(message: WebhookMessage, url: httpx2.URL) -> dict[str, str]:
    body = message.body.decode()
    signatures = [Webhook(secret).sign(message.message_id, message.at, body) for secret in message.secrets]
    return {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/cloudevents+json; charset=utf-8",
        "User-Agent": USER_AGENT,
        "webhook-id": message.message_id,
        "webhook-timestamp": str(int(message.at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _judged(response: httpx2.Response) -> SendResult:
    code = response.status_code
    said = f"{code} {response.reason_phrase}".strip()
    if code in SUCCESS_CODES:
        return Sent(said)
    if code == GONE:
        return Refused(f"{said}: the receiver wants no more of these")
    if code in REDIRECTION_CODES:
        return NotSent(f"{said}: redirections are not followed; change the address")
    return NotSent(said)
