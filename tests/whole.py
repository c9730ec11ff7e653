"""Every module of the shop, imported: for tests that ask what there is, whoever needs it when."""

from importlib import import_module
from pkgutil import walk_packages

import chalicelib


def import_everything() -> None:
    for found in walk_packages(chalicelib.__path__, "chalicelib."):
        import_module(found.name)
