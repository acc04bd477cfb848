"""For any input at all, a public reader returns or raises what it documents."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keyferry_protocol
from keyferry_protocol import (
    activation,
    algorithms,
    encoding,
    envelope,
    request,
    response,
    text_form,
)
from keyferry_protocol.errors import (
    BadJson,
    NotAuthentic,
    NotGenuine,
    NotRequested,
    UnreadableRequest,
    UnreadableResponse,
    UnsupportedVersion,
    WrongActivationCode,
    WrongLicenseNumber,
    WrongType,
)
from keyferry_protocol.repair import is_email, repair_file, type_of
from keyferry_protocol.response_text import (
    deflate_response,
    from_response_text,
    packed_length,
    to_response_text,
)
from keyferry_protocol.strict_json import parse_json
from keyferry_protocol.symbols import typed_symbols, without_separators
from keyferry_protocol.text_form import from_text_form, to_text_form
from keyferry_protocol.typed_response import looks_typed, to_lines, typed_rows
from keyferry_protocol.typed_text import (
    decode_text,
    has_changed_encoding,
    plain_separators,
    without_spaces,
)
from tests.support.make_changed_files import CHANGED, content
from tests.support.samples import NUMBER
from tests.support.strategies import json_values, signers, texts
from tests.support.valid_files import CLASSIC, VENDOR, request_file, response_file

Reader = Callable[..., object]
Case = tuple[st.SearchStrategy[Any], tuple[type[Exception], ...]]

NUMBER_SYMBOLS = st.text("0123456789.-/_ \t\n٣a", max_size=20)
CODE_SYMBOLS = st.text("0123456789abzOILuU- é", max_size=40)
TIME_SYMBOLS = st.text("0123456789-:TZ+. ٣", max_size=24)
BASE64_SYMBOLS = st.text("AQgw+/-_= \né", max_size=40)
REQUEST_ERRORS = (WrongType, UnsupportedVersion, UnreadableRequest)
RESPONSE_ERRORS = (WrongType, UnsupportedVersion, UnreadableResponse)


@st.composite
def spoiled(draw: st.DrawFn, file: bytes) -> bytes:
    """A good file with some of its bytes cut out and others put in their place."""
    at, length = draw(st.integers(0, len(file))), draw(st.integers(0, 12))
    return file[:at] + draw(st.binary(max_size=12)) + file[at + length :]


def documents(kind: str, body: bytes) -> st.SearchStrategy[bytes]:
    """Envelopes whose BODY or another member is any JSON at all."""
    good = json.loads(envelope.pack(kind, body, []))
    return st.one_of(
        spoiled(body).map(lambda b: envelope.seal(kind, b, [VENDOR])),
        json_values.map(lambda v: envelope.seal(kind, json.dumps(v).encode(), [VENDOR])),
        st.tuples(st.sampled_from(sorted(good)), json_values).map(
            lambda change: json.dumps({**good, change[0]: change[1]}).encode()
        ),
    )


A_REQUEST, A_RESPONSE = request_file(), response_file()
_request_body = envelope.open_envelope(A_REQUEST, envelope.REQUEST).body
_response_body = envelope.open_envelope(A_RESPONSE, envelope.RESPONSE).body
bytes_ = st.binary(max_size=300)
requests = bytes_ | spoiled(A_REQUEST) | documents(envelope.REQUEST, _request_body)
responses = bytes_ | spoiled(A_RESPONSE) | documents(envelope.RESPONSE, _response_body)
sha256_of_request = envelope.open_envelope(A_REQUEST, envelope.REQUEST).sha256
text_forms = bytes_ | spoiled(to_text_form(A_REQUEST))
_text_form = to_response_text(
    A_RESPONSE, deflate_response(_response_body, _request_body), sha256_of_request
)
response_texts = bytes_ | spoiled(_text_form)
typed_rows_ = spoiled("\n".join(to_lines(_text_form)).encode())
json_bytes = bytes_ | json_values.map(lambda value: json.dumps(value).encode())
changed_files = bytes_ | st.sampled_from([content(case) for case in CHANGED]).flatmap(spoiled)
any_base64 = texts | BASE64_SYMBOLS
raw_keys = bytes_ | st.binary(min_size=32, max_size=32) | st.binary(min_size=65, max_size=65)


signature_arguments = st.tuples(
    st.sampled_from(sorted(algorithms.ALGORITHMS)) | texts,
    raw_keys | signers.map(lambda s: s.public),
    bytes_,
    st.binary(min_size=64, max_size=64) | bytes_,
)


def with_algorithm(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(sorted(algorithms.ALGORITHMS)), values)


READERS: dict[Reader, Case] = {
    activation.parse_license_number: (texts | NUMBER_SYMBOLS, (WrongLicenseNumber,)),
    activation.parse_activation_code: (
        st.tuples(texts | CODE_SYMBOLS, st.just(NUMBER)),
        (WrongActivationCode,),
    ),
    encoding.unb64: (any_base64, (ValueError,)),
    encoding.unb64_any: (any_base64, (ValueError,)),
    encoding.parse_time: (texts | TIME_SYMBOLS, (ValueError,)),
    encoding.free_text: (texts, (ValueError,)),
    encoding.escape_controls: (texts, ()),
    envelope.open_envelope: (
        st.tuples(requests | responses, st.sampled_from((envelope.REQUEST, envelope.RESPONSE))),
        (*REQUEST_ERRORS, UnreadableResponse),
    ),
    algorithms.dongle_algorithm: (raw_keys, (ValueError,)),
    algorithms.check_public_key: (with_algorithm(raw_keys), (ValueError,)),
    algorithms.decode_public_key: (
        with_algorithm(any_base64 | raw_keys.map(encoding.b64)),
        (ValueError,),
    ),
    algorithms.verify_signature: (signature_arguments, ()),
    algorithms.is_valid_signature: (signature_arguments, ()),  # on a computer with all algorithms
    request.parse_request: (requests, REQUEST_ERRORS),
    request.verify_request: (st.tuples(requests, st.none()), (*REQUEST_ERRORS, NotAuthentic)),
    request.non_empty_text: (texts, (ValueError,)),
    request.decode_device_key: (any_base64 | raw_keys.map(encoding.b64), (ValueError,)),
    response.verify_response: (
        st.tuples(responses, st.just(CLASSIC)),
        (*RESPONSE_ERRORS, NotGenuine),
    ),
    decode_text: (bytes_, ()),
    has_changed_encoding: (bytes_, ()),
    is_email: (bytes_ | changed_files, ()),
    plain_separators: (texts, ()),
    repair_file: (
        st.tuples(changed_files, st.sampled_from((envelope.REQUEST, envelope.RESPONSE))),
        (),
    ),
    type_of: (requests | responses, ()),
    without_spaces: (texts, ()),
    parse_json: (json_bytes, (BadJson,)),
    to_text_form: (requests, REQUEST_ERRORS),
    from_text_form: (text_forms, (UnreadableRequest, UnsupportedVersion)),
    text_form.check_form: (
        st.tuples(text_forms, st.just(1), st.just(UnreadableRequest)),
        (UnreadableRequest, UnsupportedVersion),
    ),
    text_form.unpack_signatures: (text_forms, ()),
    text_form.inflate: (
        st.tuples(bytes_, bytes_, st.just(UnreadableResponse)),
        (UnreadableResponse,),
    ),
    from_response_text: (
        st.tuples(response_texts, st.just([_request_body])),
        (UnreadableResponse, UnsupportedVersion, NotRequested),
    ),
    packed_length: (response_texts, (UnreadableResponse, UnsupportedVersion)),
    looks_typed: (bytes_ | typed_rows_, ()),
    typed_rows: (texts, ()),
    typed_symbols: (texts | CODE_SYMBOLS, ()),
    without_separators: (texts | CODE_SYMBOLS, ()),
}
# What we call with values of our own; test_round_trips.py reads back what they write.
WRITERS = {
    "activation.show_license_number",
    "activation.new_activation_code",
    "activation.show_activation_code",
    "activation.activation_key",
    "algorithms.key_pair",
    "algorithms.self_test",
    "algorithms.sha256_hex",
    "digests.hmac_sha256",
    "encoding.b64",
    "envelope.pae",
    "envelope.seal",
    "envelope.pack",
    "keys.keyid",
    "components.hash_component",
    "components.hash_components",
    "response_text.deflate_response",
    "response_text.to_response_text",
    "text_form.deflate",
    "typed_response.to_codes",
    "typed_response.to_lines",
    "messages.built_in",
    "messages.has_message",
    "messages.message",
    "messages.sentences",
    "messages.use_language",
    "strict_json.text_matching",
    "typed_text.show_symbol",
}


def _name(function: Reader) -> str:
    return f"{function.__module__.removeprefix('keyferry_protocol.')}.{function.__qualname__}"


@pytest.mark.parametrize("reader", READERS, ids=_name)
def test_a_reader_returns_or_raises_what_it_documents(reader: Reader) -> None:
    values, documented = READERS[reader]

    @settings(max_examples=60)
    @given(values)
    def is_read_or_refused(value: Any) -> None:
        raised: Exception | None = None
        try:
            reader(*(value if isinstance(value, tuple) else (value,)))
        except Exception as error:
            raised = error
        assert raised is None or isinstance(raised, documented)

    is_read_or_refused()


def test_every_reader_is_fuzzed() -> None:
    assert {_name(function) for function in READERS} | WRITERS == set(_of_bytes_or_text())


def _of_bytes_or_text() -> Iterator[str]:
    """The public functions of the protocol that take bytes or a text first."""
    for module in pkgutil.iter_modules(keyferry_protocol.__path__, "keyferry_protocol."):
        here = importlib.import_module(module.name)
        for name, function in inspect.getmembers(here, inspect.isfunction):
            given_first = [p.annotation for p in inspect.signature(function).parameters.values()]
            is_ours = function.__module__ == module.name and function.__name__ == name
            if is_ours and not name.startswith("_") and given_first[:1] in ([bytes], [str]):
                yield _name(function)
