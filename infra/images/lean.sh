#!/bin/sh
# Takes away from the installed packages what nothing runs: their tests, headers and static parts.
set -eu
cd /opt/venv/lib/python3.11/site-packages
find . -depth -type d \( -path '*/pyarrow/include' -o -name tests \) -exec rm -rf {} +
find . -name '*.pyi' -delete
