"""What a container finds under /run/tapehouse: files of its own docker volume, never variables.

A container's environment, command and labels are plain text for all who may inspect it; this is
the one way by which a secret gets in. infra/images/launch.py is the reading side.
"""

import json
from pathlib import Path

from infra.container_site import DELIVERED
from infra.service import Service

SECRETS = DELIVERED / "secrets"
PREPARE = DELIVERED / "prepare.json"


def delivered_files(service: Service) -> dict[str, str]:
    """Path to text of all that the service finds there; an empty text is left out.

    Raises ValueError for a file elsewhere: the rest of a container cannot be written to.
    """
    files = {str(SECRETS / name): value for name, value in service.secrets.items()}
    files |= {str(file.path): file.text for file in service.files}
    if service.preparation:
        files[str(PREPARE)] = json.dumps(
            {
                "command": list(service.preparation.command),
                "creates": str(service.preparation.creates),
            }
        )
    stray = [path for path in files if DELIVERED not in Path(path).parents]
    if stray:
        raise ValueError(f"{service.name} wants files outside {DELIVERED}: {stray}")
    return {path: files[path] for path in sorted(files) if files[path]}
