"""Chromium as the tests and benchmarks start it: headless, offline, unattended."""

import shutil

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The first Chromium on the PATH."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
