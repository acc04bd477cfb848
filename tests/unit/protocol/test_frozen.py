"""Frozen values behave as the standard library's frozen dataclasses do."""

from dataclasses import fields, replace

import pytest

from keyferry_protocol.request import Product

MODELER = Product("Example Modeler", "4.2.0")


def test_it_takes_its_fields_by_position_or_name_and_no_others() -> None:
    assert Product(version="4.2.0", name="Example Modeler") == MODELER
    for wrong in (("a",), ("a", "b", "c")):
        with pytest.raises(TypeError, match=r"^Product takes name, version$"):
            Product(*wrong)
    with pytest.raises(TypeError):
        Product(name="a", edition="b")  # type: ignore[call-arg]


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match=r"^Product.name is never changed$"):
        MODELER.name = "Viewer"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del MODELER.version
    assert MODELER.name == "Example Modeler"


def test_it_equals_an_instance_of_the_same_class_with_equal_fields() -> None:
    twin = Product("Example Modeler", "4.2.0")
    assert twin == MODELER
    assert hash(twin) == hash(MODELER)
    assert replace(twin, version="4.3.0") != MODELER
    anything: object = ("Example Modeler", "4.2.0")
    assert anything != MODELER


def test_its_repr_shows_its_fields() -> None:
    assert repr(MODELER) == "Product(name='Example Modeler', version='4.2.0')"


def test_the_standard_library_treats_it_as_a_dataclass() -> None:
    assert [field.name for field in fields(MODELER)] == ["name", "version"]
    assert replace(MODELER, version="5.0.0") == Product("Example Modeler", "5.0.0")
