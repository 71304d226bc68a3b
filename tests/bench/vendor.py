"""The same push with the vendor's SDK, as its examples use it: one request at a time, or threads.

python -m tests.bench.vendor FOLDER URL THREADS
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tencentcloud.common.credential import Credential
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.teo.v20220901 import models
from tencentcloud.teo.v20220901.teo_client import TeoClient


def push(folder: str, url: str, threads: str) -> None:
    """Write each file of a folder."""
    http = HttpProfile(protocol="http", endpoint=url.removeprefix("http://"))
    pair = (os.environ[f"TENCENTCLOUD_SECRET_{part}"] for part in ("ID", "KEY"))
    client = TeoClient(Credential(*pair), "", ClientProfile(httpProfile=http))

    def put(file: Path) -> None:
        request = models.EdgeKVPutRequest()
        request.ZoneId, request.Namespace = "zone-1", "default"
        request.Key, request.Value = file.name, file.read_text()
        client.EdgeKVPut(request)

    files = sorted(Path(folder).iterdir())
    if threads == "1":
        for file in files:
            put(file)
        return
    with ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(put, files))


if __name__ == "__main__":
    push(*sys.argv[1:])
