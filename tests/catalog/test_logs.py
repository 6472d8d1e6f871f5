import subprocess
import sys

CANARY = "canary-5ecret-token"

SCRIPT = f"""
import logging
from catalog.logs import configure_logging, get_logger
configure_logging(["{CANARY}"])
log = get_logger("test")
log.info("connected", url="wss://host/?token={CANARY}", other="token=unknown-secret&x=1")
logging.getLogger("foreign").warning("said {CANARY}")
try:
    raise ValueError("inner {CANARY}")
except ValueError:
    log.exception("failed")
raise RuntimeError("last {CANARY}")
"""


def test_no_way_out_shows_a_secret():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    assert "unknown-secret" not in done.stderr
    for expected in ("connected", "x=1", "said ***", "inner ***", "last ***"):
        assert expected in done.stderr
