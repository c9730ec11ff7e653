"""python -m tools.contract: write the contract, and the list of paths that the app opens its doors by."""

from . import CONTRACT, contract_text
from .doors import DOORS, doors_text

if __name__ == "__main__":
    CONTRACT.write_text(contract_text(), encoding="utf-8")
    DOORS.write_text(doors_text(), encoding="utf-8")
    print(f"wrote {CONTRACT.name} and {DOORS.name}")
