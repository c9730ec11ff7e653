"""What a release must pass before it gets traffic; `make deploy` calls it at the version that is to go live."""

import time
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from chalice.app import Blueprint

from chalicelib.shop import open_shop

jobs = Blueprint(__name__)


@jobs.lambda_function()
def check_release(event: Any, context: Any) -> dict[str, Any]:
    """Import all that the bundle can be called by, build every part of the shop from the real settings, read once.

    Raises whatever fails, which fails the release. Nothing is written, and the answer holds no setting.
    """
    began = time.monotonic()
    folder = __name__.rpartition(".")[0]
    handlers = [import_module(f"{folder}.{found.name}") for found in iter_modules(import_module(folder).__path__)]
    app = import_module("app").app
    routes = [path for path, methods in app.routes.items() if methods]
    open_shop().complete().catalog.categories()
    return {
        "ok": True,
        "version": str(getattr(context, "function_version", "")),
        "files": len(handlers),
        "functions": len(app.event_sources) + len(app.pure_lambda_functions),
        "routes": len(routes),
        "ms": int((time.monotonic() - began) * 1000),
    }
