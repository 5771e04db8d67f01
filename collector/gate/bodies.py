"""Bytes: a request's body, checked against every limit, as the batch that it carries.

    what is found                             status   reason
    more octets than `body_octets`            413      too_large
    an encoding that nobody announced         415      encoding
    content larger than `inflated_octets`     413      inflated
    content beyond 1 MiB, `inflated_ratio`    413      ratio
    times larger than its body
    a stream that is no zlib or zstd          400      deflate, zstd
    descriptors over `descriptors_octets`     413      described
    anything else that `agent.wire` refuses   400      its reason

Rules
- A limit is checked before what it limits is allocated.
"""

from typing import Final

import zstandard

from agent import wire
from agent.errors import WireError
from agent.records import Batch
from collector.errors import RefusedError
from collector.settings.limits import RATIO_FROM_OCTETS, Limits

_IDENTITY: Final = frozenset({"", "identity"})
_IDLE: Final[dict[int, zstandard.ZstdDecompressor]] = {}
"""A decompression context for each largest window; to make one takes a fifth of the time that a
batch of 60 kB does. Whoever takes it out has it alone, and puts it back after a frame that stated
its size and was whole: after any other it may hold a window's memory, and is let go."""


def read(body: bytes, encoding: str, limits: Limits) -> tuple[bytes, Batch]:
    """Return the content of `body`, and the batch that it is; the batch's columns are views of it.

    `encoding` is the Content-Encoding: `identity` (or empty), `deflate` or `zstd`.

    Raises:
        RefusedError: As the table says.
    """
    if len(body) > limits.body_octets:
        raise RefusedError(
            413,
            "too_large",
            f"a body of {len(body)} octets is over the limit of {limits.body_octets}: send less"
            " at a time, or raise [limits] body_octets",
        )
    ceiling = max(RATIO_FROM_OCTETS, limits.inflated_ratio * len(body))
    try:
        content = _content(body, encoding.strip().lower(), min(limits.inflated_octets, ceiling))
        _check_described(content, limits.descriptors_octets)
        return content, wire.decode(content)
    except WireError as error:
        if error.reason != "inflated":
            raise RefusedError(400, error.reason, str(error)) from error
        if ceiling < limits.inflated_octets:
            raise _too_tight(len(body), ceiling) from error
        raise RefusedError(413, error.reason, str(error)) from error


def _check_described(content: bytes, limit_octets: int) -> None:
    """Refuse descriptors that are too large, before one of them is made."""
    octets = int.from_bytes(content[wire.HEADER_OCTETS - 4 : wire.HEADER_OCTETS], "little")
    if min(octets, len(content)) > limit_octets:
        raise RefusedError(
            413,
            "described",
            f"descriptors of {octets} octets are over the limit of {limit_octets}: send less at a"
            " time, or raise [limits] descriptors_octets",
        )


def _too_tight(octets: int, ceiling: int) -> RefusedError:
    return RefusedError(
        413,
        "ratio",
        f"a body of {octets} octets holds more than {ceiling}: no measurement packs so well; raise"
        " [limits] inflated_ratio if yours do",
    )


def _content(body: bytes, encoding: str, limit_octets: int) -> bytes:
    """Return `body` without its encoding, `limit_octets` at most."""
    match encoding:
        case "deflate":
            return wire.inflate(body, limit_octets)
        case "zstd":
            return _unpacked(body, limit_octets)
        case _ if encoding not in _IDENTITY:
            raise RefusedError(
                415,
                "encoding",
                f"Content-Encoding {encoding!r} is not read here; send identity, deflate or zstd",
            )
    if len(body) > limit_octets:
        raise _over(limit_octets)
    return body


def _unpacked(body: bytes, limit_octets: int) -> bytes:
    """Return what a zstd frame (RFC 8878) holds.

    A frame that states its size is refused by the statement; one that does not is given a buffer
    of the limit and refused when it does not fit.
    """
    window = _window(limit_octets)
    try:
        octets = zstandard.frame_content_size(body)
        if octets > limit_octets:
            raise _over(limit_octets)
        context = _IDLE.pop(window, None) or zstandard.ZstdDecompressor(max_window_size=window)
        content = context.decompress(body, max_output_size=limit_octets, allow_extra_data=False)
        if octets > 0:
            _IDLE[window] = context
    except zstandard.ZstdError as error:
        raise WireError(
            "zstd", f"the body is no single zstd frame within limits: {error}"
        ) from error
    return content


def _window(limit_octets: int) -> int:
    """Return the largest window a frame may ask for: a power of two, 8 MiB at least (RFC 8878)."""
    return max(1 << 23, 1 << (limit_octets - 1).bit_length())


def _over(limit_octets: int) -> WireError:
    return WireError(
        "inflated",
        f"the content is over the limit of {limit_octets} octets: send less at a time, or raise"
        " [limits] inflated_octets",
    )
