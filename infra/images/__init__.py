"""The stack's images: one Dockerfile, cut and hashed for each target, and what runs inside them.

`build_context` is the way in: for a target it gives the files that its build needs, exactly those,
and the hash over them that tags the image.
"""

from infra.images.context import BuildContext, build_context
from infra.images.stages import TARGETS

__all__ = ["TARGETS", "BuildContext", "build_context"]
