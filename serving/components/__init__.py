"""The dashboard's own components. Sources in `src`, built files (which ship) in `dist`.

Streamlit finds packaged components by their distribution's files, which an editable install of a
distribution with five packages does not have; so their manifest is handed over here. Declared this
way the browser fetches a component's file once, where inline code would be sent on every run.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

NAMES = (
    "chain",
    "chart",
    "editor",
    "header",
    "movers",
    "rows",
    "status",
    "tape",
    "timeline",
    "watch",
)
_PACKAGE = "tapehouse"


def components() -> Mapping[str, ComponentRenderer]:
    """Each component by name, ready to be mounted."""
    return _registered(get_bidi_component_manager())


@lru_cache(1)
def _registered(manager: BidiComponentManager) -> Mapping[str, ComponentRenderer]:
    """Registered once with a server: each time it would look for their files."""
    configs = [ComponentConfig(name, "dist") for name in NAMES]
    manager.register_from_manifest(ComponentManifest(_PACKAGE, "1", configs), Path(__file__).parent)
    return {
        name: st.components.v2.component(f"{_PACKAGE}.{name}", js=f"{name}-*.js") for name in NAMES
    }
