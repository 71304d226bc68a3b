"""A bare push: aiohttp and TC3 signing, 64 requests at a time, and nothing of what kvsync promises.

    python -m tests.bench.bare FOLDER URL

No pace, no state, no retries, no plan: what is left is what Python and aiohttp cost by themselves.
Imports nothing of kvsync, so that nothing of it is in this figure.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

_AT_ONCE = 64
_SECRET_ID, _SECRET_KEY = (os.environ[f"TENCENTCLOUD_SECRET_{part}"] for part in ("ID", "KEY"))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(host: str, body: bytes) -> dict[str, str]:
    """The headers of an EdgeKVPut, TC3-HMAC-SHA256."""
    now = int(time.time())
    date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
    kind = "application/json"
    payload = hashlib.sha256(body).hexdigest()
    request = f"POST\n/\n\ncontent-type:{kind}\nhost:{host}\n\ncontent-type;host\n{payload}"
    scope = f"{date}/teo/tc3_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = _hmac(_hmac(_hmac(b"TC3" + _SECRET_KEY.encode(), date), "teo"), "tc3_request")
    signature = _hmac(key, f"TC3-HMAC-SHA256\n{now}\n{scope}\n{digest}").hex()
    return {
        "Host": host,
        "Content-Type": kind,
        "X-TC-Action": "EdgeKVPut",
        "X-TC-Version": "2022-09-01",
        "X-TC-Timestamp": str(now),
        "Authorization": f"TC3-HMAC-SHA256 Credential={_SECRET_ID}/{scope}, "
        f"SignedHeaders=content-type;host, Signature={signature}",
    }


async def push(folder: str, url: str) -> None:
    """Write each file of a folder."""
    files = iter(sorted(Path(folder).iterdir()))  # noqa: ASYNC240 - nothing waits
    connector = aiohttp.TCPConnector(limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(_work(session, url, files) for _ in range(_AT_ONCE)))


async def _work(session: aiohttp.ClientSession, url: str, files: Iterator[Path]) -> None:
    host = urlsplit(url).netloc
    for file in files:
        fields = {
            "ZoneId": "zone-1",
            "Namespace": "default",
            "Key": file.name,
            "Value": file.read_text(),
        }
        body = json.dumps(fields).encode()
        async with session.post(f"{url}/", data=body, headers=signed(host, body)) as response:
            answer = json.loads(await response.read())
        if "Error" in answer["Response"]:
            raise SystemExit(answer["Response"]["Error"]["Message"])


if __name__ == "__main__":
    asyncio.run(push(*sys.argv[1:]))
