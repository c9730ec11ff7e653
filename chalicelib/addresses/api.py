"""Routes of the member's address book."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ..kernel.errors import Conflict
from ..web import Call, Routes
from .rules import (
    Address,
    AddressBookFull,
    AddressInvalid,
    AddressNotFound,
    Entry,
    PhoneInvalid,
    RegionUnknown,
)

routes = Routes(__name__)

WRONG = (AddressInvalid, PhoneInvalid, RegionUnknown)

Name = Annotated[str, Meta(description="Who receives, up to 25 characters.", examples=["张三"])]
Phone = Annotated[
    str,
    Meta(
        description="Mainland mobile, landline with area code, or a +852, +853, +886 number; kept without gaps.",
        examples=["13800138000"],
    ),
]
Province = Annotated[str, Meta(description="As the region picker answers.", examples=["广东省"])]
City = Annotated[str, Meta(description="As the region picker answers.", examples=["深圳市"])]
District = Annotated[str, Meta(description="Empty in a city that has none (东莞市).", examples=["南山区"])]
Detail = Annotated[str, Meta(description="Street, number and door, up to 120 characters.", examples=["科技园1号"])]


class AddressBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: Annotated[Name, Meta(max_length=100)]
    phone: Annotated[Phone, Meta(max_length=50)]
    province: Annotated[Province, Meta(max_length=50)]
    city: Annotated[City, Meta(max_length=50)]
    detail: Annotated[Detail, Meta(max_length=500)]
    district: Annotated[District, Meta(max_length=50)] = ""
    is_default: Annotated[
        bool, Meta(description="Make it the default; false leaves the default where it is.", examples=[False])
    ] = False


class PastedText(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    text: Annotated[
        str,
        Meta(
            max_length=500,
            description="Name, phone and address in any order.",
            examples=["张三 13800138000 广东省深圳市南山区科技园1号"],
        ),
    ]


class AddressView(msgspec.Struct, frozen=True):
    address_id: Annotated[str, Meta(description="Stable.", examples=["01KAM3V1Z7Q5T0WJ8X4N2R6C9D"])]
    name: Name
    phone: Phone
    province: Province
    city: City
    district: District
    detail: Detail
    region_code: Annotated[str, Meta(description="GB/T 2260, of the district, else of the city.", examples=["440305"])]
    is_default: Annotated[bool, Meta(description="At most one is.", examples=[True])]


class AddressList(msgspec.Struct, frozen=True):
    items: Annotated[list[AddressView], Meta(description="The default first, then the newest.")]
    next_cursor: Annotated[str | None, Meta(description="Always null: a book fits one page.", examples=[None])] = None


class ParsedView(msgspec.Struct, frozen=True):
    name: Name
    phone: Phone
    province: Province
    city: City
    district: District
    detail: Detail
    region_code: Annotated[str | None, Meta(description="Null while the region is incomplete.", examples=["440305"])]
    missing: Annotated[
        list[str], Meta(description="Fields of an address that the text does not say.", examples=[["name"]])
    ]


@routes.endpoint(
    "GET", "/addresses", summary="My addresses", answers=AddressList,
    reads=lambda call: [call.shop.addresses.reads_all(call.member_id)],
)  # fmt: skip
def show_all(call: Call[None], book: list[Address]) -> AddressList:
    return AddressList([_view(address) for address in book])


@routes.endpoint(
    "POST", "/addresses", summary="Add an address", body=AddressBody, answers=AddressView, status=201,
    errors=(*WRONG, AddressBookFull),
)  # fmt: skip
def add(call: Call[AddressBody]) -> AddressView:
    """The first one becomes the default by itself."""
    return _view(call.shop.addresses.add(call.member_id, _entry(call.body), default=call.body.is_default))


@routes.endpoint(
    "PUT", "/addresses/{address_id}", summary="Replace an address", body=AddressBody, answers=AddressView,
    errors=(*WRONG, AddressNotFound),
)  # fmt: skip
def change(call: Call[AddressBody]) -> AddressView:
    """Orders placed with it keep what it was."""
    changed = call.shop.addresses.change(
        call.member_id, call.path["address_id"], _entry(call.body), default=call.body.is_default
    )
    return _view(changed)


@routes.endpoint(
    "DELETE", "/addresses/{address_id}", summary="Delete an address", status=204, errors=(AddressNotFound, Conflict),
    reads=lambda call: [call.shop.addresses.reads_all(call.member_id)],
)  # fmt: skip
def delete(call: Call[None], book: list[Address]) -> None:
    """If it was the default, the newest of the others becomes it."""
    call.shop.addresses.delete(call.member_id, call.path["address_id"], book)


@routes.endpoint(
    "POST", "/addresses/{address_id}/default", summary="Make an address the default", status=204,
    errors=(AddressNotFound,),
)  # fmt: skip
def choose_default(call: Call[None]) -> None:
    call.shop.addresses.set_default(call.member_id, call.path["address_id"])


@routes.endpoint("POST", "/addresses/parse", summary="Take a pasted address apart", body=PastedText, answers=ParsedView)
def parse(call: Call[PastedText]) -> ParsedView:
    """For filling in the form; nothing is stored. What the text does not say is empty and listed."""
    found = call.shop.addresses.parse(call.body.text)
    return ParsedView(
        name=found.name,
        phone=found.phone,
        province=found.province,
        city=found.city,
        district=found.district,
        detail=found.detail,
        region_code=found.region_code,
        missing=list(found.missing),
    )


def _entry(body: AddressBody) -> Entry:
    return Entry(
        name=body.name,
        phone=body.phone,
        province=body.province,
        city=body.city,
        district=body.district,
        detail=body.detail,
    )


def _view(address: Address) -> AddressView:
    return AddressView(
        address_id=address.address_id,
        name=address.name,
        phone=address.phone,
        province=address.province,
        city=address.city,
        district=address.district,
        detail=address.detail,
        region_code=address.region_code,
        is_default=address.is_default,
    )
