"""The package's front door."""

import subprocess
import sys

import pytest

import kvsync.edgekv


def test_everything_exported_is_there() -> None:
    """Each exported name can be imported from the package."""
    for name in kvsync.edgekv.__all__:
        assert getattr(kvsync.edgekv, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is reported as Python does."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kvsync.edgekv.nothing


@pytest.mark.slow
@pytest.mark.parametrize("module", ["kvsync.edgekv", "kvsync.edgekv.endpoint"])
def test_the_front_door_is_light(module: str) -> None:
    """Looking at an endpoint pulls neither aiohttp nor asyncio nor the vendor's package."""
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"aiohttp", "asyncio", "tencentcloud", "msgspec"} & set(loaded)
