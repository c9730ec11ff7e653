"""cfn-lint on the template as CloudFormation gets it: after SAM's transform, which cfn-lint alone looks into less."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from deploy.bundle.errors import BundleError

COMMAND = (sys.executable, "-c", "import sys; from cfnlint.runner import main; sys.exit(main())", "--format", "json")


def lint(template: dict[str, Any], region: str) -> None:
    """Raises BundleError with what is found, down to information, each with the resource and property that it is of."""
    print("Checking the template with cfn-lint ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="jishi-lint-") as folder:
        path = Path(folder) / "template.json"
        path.write_text(json.dumps(translated(template, region)), encoding="utf-8")
        command = [*COMMAND, "--regions", region, "--template", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        found = _findings(done.stdout) or done.stderr.strip()
        raise BundleError(f"CloudFormation would not take the template:\n{found}")


def translated(template: dict[str, Any], region: str) -> dict[str, Any]:
    """As SAM makes it, in plain CloudFormation. No account is asked. Raises BundleError."""
    import boto3  # a development tool's closure, and slow to import
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it misses whom to send figures to
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        found: dict[str, Any] = translator.translate(copy.deepcopy(template), {})
    except InvalidDocumentException as error:
        raise BundleError(
            f"SAM does not take the template: {'; '.join(cause.message for cause in error.causes)}"
        ) from None
    return found


def _findings(report: str) -> str:
    """A line for each: `CloseUnpaid/Properties/Runtime: E3030 …`."""
    found = json.loads(report) if report.startswith("[") else []
    return "\n".join(
        f"{'/'.join(map(str, (each['Location']['Path'] or [''])[1:]))}: {each['Rule']['Id']} {each['Message'][:200]}"
        for each in found
    )
