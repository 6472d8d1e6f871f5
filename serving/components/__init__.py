"""The dashboard's own components. Sources in `src`, built files (which ship) in `dist`.

Streamlit finds packaged components by their distribution's files, which an editable install of a
distribution with five packages does not have; so their manifest is handed over here. Declared this
way the browser fetches a component's file once, where inline code would be sent on every run.
"""

from pathlib import Path

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

NAMES = ("chain", "chart", "editor", "header", "rows", "status", "tape", "timeline", "watch")
_PACKAGE = "tapehouse"


def components() -> dict[str, ComponentRenderer]:
    """Each component by name, ready to be mounted in this run."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(f"{_PACKAGE}.{NAMES[0]}") is None:
        configs = [ComponentConfig(name, "dist") for name in NAMES]
        manager.register_from_manifest(
            ComponentManifest(_PACKAGE, "1", configs), Path(__file__).parent
        )
    return {
        name: st.components.v2.component(f"{_PACKAGE}.{name}", js=f"{name}-*.js") for name in NAMES
    }
