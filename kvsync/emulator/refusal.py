"""How the emulated service says no."""


class Refusal(Exception):  # noqa: N818 - it is an answer of the service, and no error of kvsync's
    """An answer ``{"Error": {"Code", "Message"}}``; it never leaves the emulator as an exception.

    The codes are those of the vendor's SDK (``tencentcloud.teo.v20220901.errorcodes``) and of
    https://www.tencentcloud.com/document/api/1145/42649 (common to all services).
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(code)
