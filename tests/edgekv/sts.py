"""The vendor's service that gives out roles, on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ARN = "qcs::cam::uin/1:roleName/deployer"


@dataclass
class Sts:
    """Where it listens, what it gives, and who asked for what."""

    host: str = ""
    pair: tuple[str, str, str] = ("tmp-id", "tmp-key", "tmp-token")
    lifetime: float = 7200
    code: str = ""
    content: Any = None
    silent: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def configure(self, home: Path, profile: str = "default") -> None:
        """Let tccli's configuration of a profile lead here."""
        path = home / ".tccli" / f"{profile}.configure"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"_sys_param": {}, "sts": {"endpoint": self.host}}))

    def answer(self) -> Any:
        """What ``Response`` holds."""
        if self.content is not None:
            return self.content
        if self.code:
            return {"Error": {"Code": self.code, "Message": "no: hunter2"}, "RequestId": "r"}
        names = ("TmpSecretId", "TmpSecretKey", "Token")
        keys = dict(zip(names, self.pair, strict=True))
        ends = int(time.time() + self.lifetime)
        return {"Credentials": keys, "ExpiredTime": ends, "RequestId": "r"}


@contextmanager
def sts_service() -> Iterator[Sts]:
    """Serves AssumeRole, and nothing else."""
    sts, over = Sts(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            signer = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
            told = {"Action": self.headers["X-TC-Action"], "Token": self.headers["X-TC-Token"]}
            sts.asked.append(asked | told | {"Signer": signer})
            if sts.silent:
                over.wait(5)
                return
            body = json.dumps({"Response": sts.answer()}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sts.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sts
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
