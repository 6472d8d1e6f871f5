#!/bin/sh
# Takes away from the installed packages what nothing here runs: tests, headers, type stubs, the
# parts for notebooks, and Arrow's remote protocols.
set -eu
rm -f /opt/venv/.lock
cd /opt/venv/lib/python3.11/site-packages
find . -depth -type d \( -path '*/pyarrow/include' -o -name tests \) -exec rm -rf {} +
find . -name '*.pyi' -delete
rm -rf plotly/labextension pydeck/nbextension
rm -f pyarrow/*arrow_flight* pyarrow/*arrow_python_flight* pyarrow/_flight*
