"""`miniprogram-api.yaml` is what the routes declare, is OpenAPI, and is whole."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.kernel.errors import ShopError, all_errors
from tests.contract import contract, resolved, validator
from tests.whole import import_everything
from tools.contract import CONTRACT, contract_text
from tools.contract.doors import DOORS, doors_text
from tools.contract.refusals import errors_of

# Codes that no route answers today, and who meets them instead.
NOT_FOR_SHOPPERS = {
    # families, of which only subclasses are raised
    "FORBIDDEN", "REFUSED", "TOO_MANY",
    # Chalice's own refusal: a path without the method has no operation to stand in
    "METHOD_NOT_ALLOWED",
    # staff's use cases
    "BAD_PRICE_RULE", "CATEGORY_NOT_FOUND", "COUPON_TEMPLATE_INVALID", "INVALID_CATEGORY", "INVALID_PRODUCT",
    "PRODUCT_CHANGED", "STRUCK_PRICE_MISLEADS",
    # schedules and streams
    "MESSAGE_REFUSED", "NO_CONSENT",
    # callbacks of WeChat Pay, which are answered in its own form
    "REFUND_NOT_FOUND",
}  # fmt: skip

import_everything()
ERRORS = [error for error in all_errors() if error.__module__.startswith("chalicelib.")]
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in contract()["paths"].items()
    for method, operation in item.items()
}


def test_the_file_is_what_the_routes_declare() -> None:
    assert CONTRACT.read_text(encoding="utf-8") == contract_text(), "run: make contract"


def test_the_app_knows_whose_each_path_is() -> None:
    assert DOORS.read_text(encoding="utf-8") == doors_text(), "run: make contract"


def test_it_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(contract()).validate()


def test_it_has_every_route_and_no_other() -> None:
    routes = {(method, path) for path, methods in app.routes.items() for method in methods}
    assert routes == set(OPERATIONS)


def test_one_position_of_a_path_has_one_variable_name() -> None:
    """API Gateway refuses to deploy anything else."""
    names: dict[str, set[str]] = defaultdict(set)
    for path in contract()["paths"]:
        for variable in re.finditer(r"{(\w+)}", path):
            names[re.sub(r"{\w+}", "{}", path[: variable.start()])].add(variable[1])
    assert {place: found for place, found in names.items() if len(found) > 1} == {}


def test_operation_ids_are_unique_names() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z][A-Za-z0-9]*", name)] == []


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_every_error_that_can_leave_is_promised_by_a_route(error: type[ShopError]) -> None:
    if (error.__doc__ or "").startswith("Never leaves"):
        return
    listed = {each for endpoint in app.endpoints for each in errors_of(endpoint)}
    assert (error in listed) != (error.code in NOT_FOR_SHOPPERS), f"{error.code}: declare it, or say who meets it"


def test_a_code_has_one_error() -> None:
    assert [code for code, times in Counter(error.code for error in ERRORS).items() if times > 1] == []


@pytest.mark.parametrize("code", sorted(contract()["components"]["examples"]))
def test_every_code_says_what_it_means_to_shoppers_and_to_developers(code: str) -> None:
    example = contract()["components"]["examples"][code]
    assert re.search(r"[\u4e00-\u9fff]", example["summary"])
    assert example.get("description"), f"{code}: give its class a docstring"


@pytest.mark.parametrize("name", sorted(contract()["components"]["schemas"]))
def test_every_field_says_what_it_is(name: str) -> None:
    fields = contract()["components"]["schemas"][name].get("properties", {})
    assert [field for field, schema in fields.items() if not schema.get("description")] == []


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation["operationId"])
def test_every_parameter_says_what_it_is(operation: dict[str, Any]) -> None:
    parameters = [resolved(parameter) for parameter in operation.get("parameters", [])]
    assert [parameter["name"] for parameter in parameters if not parameter["description"]] == []


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation["operationId"])
def test_every_example_fits_its_schema(operation: dict[str, Any]) -> None:
    examples = list(_examples(operation))
    assert examples
    for schema, example in examples:
        validator(schema).validate(example)


@pytest.mark.parametrize("name", sorted(contract()["components"]["schemas"]))
def test_every_example_of_a_field_fits_it(name: str) -> None:
    for schema in contract()["components"]["schemas"][name].get("properties", {}).values():
        for example in schema.get("examples", []):
            validator(schema).validate(example)


def test_every_json_request_and_answer_has_an_example() -> None:
    media = [
        (operation["operationId"], content["application/json"])
        for operation in OPERATIONS.values()
        for content in _contents(operation)
        if "application/json" in content and not operation.get("x-internal")
    ]
    assert [name for name, shown in media if "example" not in shown and "examples" not in shown] == []


def _contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield operation.get("requestBody", {}).get("content", {})
    for response in operation["responses"].values():
        yield resolved(response).get("content", {})


def _examples(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Any]]:
    for content in _contents(operation):
        for media in content.values():
            if "example" in media:
                yield media["schema"], media["example"]
            for example in media.get("examples", {}).values():
                yield media["schema"], resolved(example)["value"]
    for parameter in map(resolved, operation.get("parameters", [])):
        if "example" in parameter:
            yield parameter["schema"], parameter["example"]
