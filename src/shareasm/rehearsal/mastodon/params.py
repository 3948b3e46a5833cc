"""Reads what a request says, in each of the forms that clients send it, the way Rails does.

Query, urlencoded body, multipart and JSON all become one mapping from names such as `media_ids[]` or `poll[options][]` to
their values in order. The standard library does the parsing: the product needs no form library for this.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from starlette.requests import Request

from shareasm.rehearsal.mastodon.model import ApiError

_FALSE = {"0", "false", "f", "off", "no", ""}  # ActiveModel::Type::Boolean


@dataclass(frozen=True)
class Upload:
    """A file as the client sent it."""

    name: str
    mime_type: str
    data: bytes


@dataclass
class Params:
    """What a request says, by name."""

    values: dict[str, list[str | None]] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return the last value said, None when there is none or it is null."""
        said = self.values.get(name)
        return said[-1] if said else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values of a list, with or without its brackets."""
        return tuple(value for value in self.values.get(f"{name}[]", []) if value is not None)

    def flag(self, name: str) -> bool:
        """Return whether the value is true, as Rails reads it."""
        said = self.text(name)
        return said is not None and said.lower() not in _FALSE

    def number(self, name: str) -> int | None:
        """Return a whole number as Ruby's `to_i` reads it: 0 for nonsense; None when nothing is said."""
        said = self.text(name)
        if said is None:
            return None
        digits = said.strip().lstrip("+-")
        leading = digits[: len(digits) - len(digits.lstrip("0123456789"))]
        return int(leading or 0) * (-1 if said.strip().startswith("-") else 1)

    def words(self) -> dict[str, str]:
        """Return the plain values by name."""
        return {name: said[-1] for name, said in self.values.items() if said and said[-1] is not None}


async def read_params(request: Request) -> Params:
    """Return what `request` says. Raises ApiError 400 for a body that cannot be read."""
    params = Params()
    for name, value in request.query_params.multi_items():
        params.values.setdefault(name, []).append(value)
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    if not body:
        return params
    if content_type.startswith("multipart/form-data"):
        _read_multipart(params, content_type, body)
    elif content_type.startswith("application/json"):
        _read_json(params, body)
    else:
        for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
            params.values.setdefault(name, []).append(value)
    return params


def _read_multipart(params: Params, content_type: str, body: bytes) -> None:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    if not message.is_multipart():
        raise ApiError(400, "Bad Request")
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(data, bytes):
            continue
        filename = part.get_filename()
        if filename is None:
            params.values.setdefault(name, []).append(data.decode("utf-8", "replace"))
        else:
            params.files[name] = Upload(filename, part.get_content_type(), data)


def _read_json(params: Params, body: bytes) -> None:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "There was a problem in the JSON you submitted") from error
    if not isinstance(said, dict):
        raise ApiError(400, "Bad Request")
    for name, value in _flattened("", said):
        params.values.setdefault(name, []).append(value)


def _flattened(name: str, value: object) -> Iterator[tuple[str, str | None]]:
    """Yield the values of JSON under the names that a form would give them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flattened(f"{name}[{key}]" if name else str(key), inner)
    elif isinstance(value, list):
        keys = sorted({str(key) for item in value if isinstance(item, dict) for key in item})
        for item in value:  # objects in a list give every key, so that their values stay side by side
            yield from _flattened(f"{name}[]", {key: item.get(key) for key in keys} if isinstance(item, dict) else item)
    elif value is None:
        yield name, None
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, str(value)
