"""The signature, judged by the vendor's own client."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tencentcloud.common.abstract_client import AbstractClient

from kvsync.edgekv.credentials import Credential
from kvsync.edgekv.signing import CONTENT_TYPE, credential_date, signature, signed_headers

HOST = "teo.intl.tencentcloudapi.com"
times = st.integers(min_value=0, max_value=4_000_000_000)


def vendors_signature(secret: str, host: str, body: bytes, timestamp: int) -> str:
    """What the SDK's client puts into Authorization."""
    request = SimpleNamespace(
        method="POST",
        uri="/",
        data=body,
        header={"Content-Type": CONTENT_TYPE, "Host": host, "X-TC-Timestamp": str(timestamp)},
    )
    client = AbstractClient(None, "")
    # The SDK signs nowhere else.
    return client._get_tc3_signature({}, request, credential_date(timestamp), "teo", secret)  # noqa: SLF001


@pytest.mark.slow
@given(
    secret=st.text(min_size=1, alphabet=st.characters(codec="ascii")),
    host=st.from_regex(r"\A[a-z]{1,9}(:[0-9]{2,5})?\Z"),
    body=st.binary(),
    timestamp=times,
)
def test_signature_is_the_vendors(secret: str, host: str, body: bytes, timestamp: int) -> None:
    """Any body, host, time and secret are signed as the vendor's SDK signs them."""
    ours = signature(secret, host=host, content_type=CONTENT_TYPE, body=body, timestamp=timestamp)
    assert ours == vendors_signature(secret, host, body, timestamp)


def test_headers_name_what_was_signed() -> None:
    """The headers carry action, version, time, scope and signature, and no secret key."""
    headers = signed_headers(
        Credential("AKID", "key-half"), "EdgeKVPut", host=HOST, body=b"{}", timestamp=1_776_038_400
    )
    digest = vendors_signature("key-half", HOST, b"{}", 1_776_038_400)
    assert headers == {
        "Host": HOST,
        "Content-Type": "application/json",
        "X-TC-Action": "EdgeKVPut",
        "X-TC-Version": "2022-09-01",
        "X-TC-Timestamp": "1776038400",
        "X-TC-Language": "en-US",
        "Authorization": "TC3-HMAC-SHA256 Credential=AKID/2026-04-13/teo/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={digest}",
    }


def test_temporary_credentials_send_their_token() -> None:
    """A session token travels in X-TC-Token."""
    headers = signed_headers(
        Credential("AKID", "key", "tok"), "EdgeKVGet", host=HOST, body=b"{}", timestamp=0
    )
    assert headers["X-TC-Token"] == "tok"
