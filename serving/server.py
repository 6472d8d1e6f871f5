"""The dashboard's server, run by `streamlit run serving/server.py`.

Its script is `screen/app.py`; here is what has to run whether or not anybody looks: the one poller,
and the alerts that are judged by what it sees.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st

from catalog.errors import TapehouseError
from catalog.logs import get_logger
from serving.screen.shared import shared

_LOG = get_logger(__name__)


@asynccontextmanager
async def _beside_the_pages(_app: st.App) -> AsyncIterator[None]:
    try:
        await asyncio.to_thread(shared)
    except TapehouseError as error:
        # The pages say it too, to whoever opens one.
        _LOG.error("not_following", why=str(error))
    yield


# Beside a folder `pages` Streamlit would take each file there for a script, until the first run.
app = st.App("screen/app.py", lifespan=_beside_the_pages)
