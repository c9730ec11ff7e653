"""python -m tools.contract: write the contract."""

from . import CONTRACT, contract_text

if __name__ == "__main__":
    CONTRACT.write_text(contract_text(), encoding="utf-8")
    print(f"wrote {CONTRACT.name}")
