"""Pulumi runs this: `main: infra/` in Pulumi.yaml."""

from infra.stack import run

run()
