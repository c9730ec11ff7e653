"""`chalicelib/web/doors.py`: which module declares which path, so that the app imports it when it is asked for one."""

from pathlib import Path

from app import app

DOORS = Path(__file__).resolve().parents[2] / "chalicelib" / "web" / "doors.py"
HEAD = '''"""Which module declares which path. Written by `make contract` from the routes; do not edit."""

DOORS = {
'''


def doors_text() -> str:
    return HEAD + "".join(f'    "{path}": "{api}",\n' for path, api in app.routes.by_path().items()) + "}\n"
