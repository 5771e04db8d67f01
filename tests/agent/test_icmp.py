"""The octets of ICMP: what is built is what is read, and garbage is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import icmp
from agent.errors import WireError
from agent.ports import Notice
from agent.records import Family, Outcome
from tests.fakes.agent_probing import echo_reply, extension, icmp_error, ipv4, ipv6, seal

TOKEN = bytes(range(1, 9))
WORD = st.integers(0, 0xFFFF)


def plain_checksum(octets: bytes) -> int:
    """Sum up 16-bit words with end-around carry: the oracle, RFC 1071 section 1."""
    total = 0
    for at in range(0, len(octets), 2):
        total += int.from_bytes(octets[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF ^ total


@given(st.binary(max_size=200))
def test_checksum_equals_its_oracle(octets: bytes) -> None:
    """The remainder modulo 0xFFFF is the one's complement sum."""
    assert plain_checksum(octets) == icmp.checksum(octets)


def test_checksum_of_the_standard_example() -> None:
    """RFC 1071 section 3: the octets 00 01 f2 03 f4 f5 f6 f7 sum up to ddf2."""
    assert 0xFFFF ^ 0xDDF2 == icmp.checksum(bytes.fromhex("0001f203f4f5f6f7"))


@given(WORD, WORD, st.binary(min_size=8, max_size=8), st.integers(0, 500))
def test_checksum_of_a_request_is_right_and_depends_on_its_flow_alone(
    identifier: int, sequence: int, token: bytes, flow: int
) -> None:
    """Whatever identifier, sequence and token are, the first four octets are the flow's own."""
    request = icmp.echo_request(identifier, sequence, token, flow)
    open_request = request[:2] + b"\0\0" + request[4:]
    assert plain_checksum(open_request) == int.from_bytes(request[2:4], "big")
    assert icmp.echo_request(1, 1, TOKEN, flow)[:4] == request[:4]
    assert len(request) == 64


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80), WORD)
def test_a_contact_is_in_the_packet_and_changes_no_flow(contact: str, sequence: int) -> None:
    """Whoever captures a probe can read whom to ask; the checksum is the flow's as ever."""
    text = icmp.text_with(contact)
    request = icmp.echo_request(7, sequence, TOKEN, text=text)
    assert request.endswith(text)
    assert f"Contact: {contact}".encode() in text
    assert request[:4] == icmp.echo_request(1, 1, TOKEN)[:4]
    assert 0 == plain_checksum(request)
    assert icmp.text_with(None) == icmp.TEXT


def test_flows_differ_in_their_checksum() -> None:
    """Another flow may take another way."""
    flows = {icmp.echo_request(7, 1, TOKEN, flow)[2:4] for flow in range(64)}
    assert len(flows) == 64


@given(WORD, WORD)
def test_a_reply_is_read_back(identifier: int, sequence: int) -> None:
    """Identifier, sequence and payload come back as they were sent."""
    request = icmp.echo_request(identifier, sequence, TOKEN)
    expected = icmp.Message(
        type=0, code=0, identifier=identifier, sequence=sequence, payload=request[8:]
    )
    assert expected == icmp.parse(echo_reply(request))


@given(WORD, WORD, st.integers(0, 56), st.integers(0, 10), st.sampled_from([3, 11]))
def test_an_error_is_read_back_however_much_it_quotes(
    identifier: int, sequence: int, quoted_payload: int, options: int, kind: int
) -> None:
    """RFC 792 quotes 8 octets, RFC 1812 more; IPv4 options shift them."""
    probe = icmp.echo_request(identifier, sequence, TOKEN)[: 8 + quoted_payload]
    quoted = ipv4("192.0.2.1", "203.0.113.9", 1, probe, bytes(4 * options))
    expected = icmp.Message(
        type=kind,
        code=1,
        identifier=identifier,
        sequence=sequence,
        payload=probe[8:],
        destination="203.0.113.9",
    )
    assert expected == icmp.parse(icmp_error(kind, 1, quoted))
    assert expected == icmp.quote(kind, 1, "203.0.113.9", probe)


@given(st.binary(max_size=120))
def test_garbage_raises_only_wire_errors(octets: bytes) -> None:
    """Whatever arrives is a message or a WireError with a known reason."""
    reasons = set()
    for read in (icmp.parse, icmp.strip_ipv4, lambda o: icmp.quote(11, 0, "192.0.2.1", o)):
        try:
            read(octets)
        except WireError as error:
            reasons.add(error.reason)
    assert reasons <= {"truncated", "checksum", "type", "quote", "version"}


@given(st.integers(0, 63), st.integers(1, 255))
def test_a_changed_octet_is_noticed(at: int, change: int) -> None:
    """The checksum covers the whole message."""
    reply = bytearray(echo_reply(icmp.echo_request(1, 2, TOKEN)))
    reply[at] ^= change
    with pytest.raises(WireError) as caught:
        icmp.parse(bytes(reply))
    assert caught.value.reason == "checksum"


QUOTED = ipv4("192.0.2.1", "203.0.113.9", 1, icmp.echo_request(1, 2, TOKEN))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param(b"\0\0\0", "truncated", id="short"),
        pytest.param(icmp.echo_request(1, 2, TOKEN), "type", id="a request"),
        pytest.param(icmp_error(5, 0, QUOTED), "type", id="a redirect"),
        pytest.param(icmp_error(11, 0, QUOTED[:12]), "truncated", id="a cut header"),
        pytest.param(icmp_error(11, 0, QUOTED[:24]), "truncated", id="a cut probe"),
        pytest.param(icmp_error(11, 0, b"\x65" + QUOTED[1:]), "quote", id="version 6"),
        pytest.param(icmp_error(11, 0, b"\x44" + QUOTED[1:]), "quote", id="header too short"),
        pytest.param(icmp_error(11, 0, QUOTED[:9] + b"\x11" + QUOTED[10:]), "quote", id="UDP"),
        pytest.param(icmp_error(11, 0, QUOTED[:20] + b"\x00" + QUOTED[21:]), "quote", id="reply"),
        pytest.param(icmp_error(11, 0, b"\x4f" + QUOTED[1:30]), "truncated", id="cut options"),
    ],
)
def test_what_answers_no_probe_is_refused_by_reason(octets: bytes, reason: str) -> None:
    """The reason is a word of a closed set."""
    with pytest.raises(WireError) as caught:
        icmp.parse(octets)
    assert reason == caught.value.reason


def test_a_raw_packet_is_split() -> None:
    """Source, TTL and message come out, options or not."""
    expected = ("192.0.2.7", 57, b"message!")
    assert expected == icmp.strip_ipv4(ipv4("192.0.2.7", "192.0.2.8", 57, b"message!"))
    with_options = ipv4("192.0.2.7", "192.0.2.8", 57, b"message!", bytes(8))
    assert expected == icmp.strip_ipv4(with_options)


@pytest.mark.parametrize(
    ("kind", "code", "outcome"),
    [
        (0, 0, Outcome.REPLY),
        (3, 0, Outcome.UNREACHABLE),
        (3, 1, Outcome.UNREACHABLE),
        (3, 3, Outcome.UNREACHABLE),
        (3, 9, Outcome.PROHIBITED),
        (3, 10, Outcome.PROHIBITED),
        (3, 13, Outcome.PROHIBITED),
        (11, 0, Outcome.TTL_EXCEEDED),
        (8, 0, None),
        (12, 0, None),
    ],
)
def test_outcome_of_type_and_code(kind: int, code: int, outcome: Outcome | None) -> None:
    """Administrative refusals are told apart from other unreachables."""
    assert outcome == icmp.outcome_of(kind, code)


STACK = ((24_001, 5, 0, 1), (18, 0, 1, 254))
SIX = ("2001:db8::1", "2001:db8:0:9::9")


def probe_packet(family: Family, sequence: int = 77) -> bytes:
    """Build a probe with its IP header."""
    probe = icmp.echo_request(4711, sequence, TOKEN, family=family)
    return ipv4("192.0.2.1", "203.0.113.9", 1, probe) if family == 4 else ipv6(*SIX, 1, probe)


@given(WORD, WORD, st.integers(0, 500))
def test_over_ipv6_a_flow_has_one_checksum(identifier: int, sequence: int, flow: int) -> None:
    """The kernel's checksum covers the addresses too: for one target it is the flow's alone."""

    def whole(request: bytes) -> int:
        pseudo = ipv6(*SIX, 0, b"")[8:] + len(request).to_bytes(4, "big") + b"\0\0\0\x3a"
        return plain_checksum(pseudo + request[:2] + b"\0\0" + request[4:])

    one = icmp.echo_request(identifier, sequence, TOKEN, flow, family=6)
    assert whole(one) == whole(icmp.echo_request(1, 1, b"anything", flow, family=6))
    assert whole(one) != whole(icmp.echo_request(1, 1, TOKEN, flow + 1, family=6))
    assert (128, 0) == (one[0], one[1])


@given(WORD, st.integers(0, 56))
def test_answers_over_ipv6_are_read_back(sequence: int, quoted_payload: int) -> None:
    """A reply, and an error that quotes an IPv6 header and as much as it likes."""
    request = icmp.echo_request(4711, sequence, TOKEN, family=6)
    reply = icmp.parse(echo_reply(request, 6), 6)
    assert (129, sequence, request[8:], None) == (
        reply.type,
        reply.sequence,
        reply.payload,
        reply.destination,
    )
    quoted = ipv6(*SIX, 1, request[: 8 + quoted_payload])
    error = icmp.parse(icmp_error(3, 0, quoted), 6)
    assert error == icmp.Message(
        type=3,
        code=0,
        identifier=4711,
        sequence=sequence,
        payload=request[8 : 8 + quoted_payload],
        destination=SIX[1],
    )


@given(st.binary(max_size=120))
def test_garbage_over_ipv6_raises_only_wire_errors(octets: bytes) -> None:
    """Whatever arrives is a message or a WireError with a known reason."""
    reasons = set()
    for candidate in (octets, b"\x03\0" + octets, b"\x01\0\0\0\0\0\0\0\x60" + octets):
        try:
            icmp.parse(candidate, 6)
        except WireError as error:
            reasons.add(error.reason)
    assert reasons <= {"truncated", "type", "quote"}


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        pytest.param(b"\x02\0" + bytes(60), "type", id="packet too big"),
        pytest.param(b"\x03\0" + bytes(30), "truncated", id="a cut header"),
        pytest.param(b"\x03\0" + bytes(60), "quote", id="no IPv6"),
        pytest.param(
            icmp_error(3, 0, ipv6(*SIX, 1, bytes(8), header=17)), "quote", id="UDP quoted"
        ),
    ],
)
def test_what_answers_no_probe_over_ipv6_is_refused(octets: bytes, reason: str) -> None:
    """The reason is a word of a closed set."""
    with pytest.raises(WireError) as caught:
        icmp.parse(octets, 6)
    assert reason == caught.value.reason


@pytest.mark.parametrize("family", [4, 6])
def test_labels_come_with_the_error(family: Family) -> None:
    """The length of the quote is in octet 5 (words of 4), over IPv6 in octet 4 (words of 8)."""
    kind, at, word = {4: (11, 5, 4), 6: (3, 4, 8)}[family]
    for announced, octets in ((144 // word, 144), (0, 128)):
        quoted = probe_packet(family).ljust(octets, b"\0")
        behind = extension(*STACK, checksum=not announced)
        plain = bytearray(icmp_error(kind, 0, quoted + behind))
        plain[at] = announced
        plain[2:4] = bytes(2)
        plain[2:4] = icmp.checksum(bytes(plain)).to_bytes(2, "big")
        found = icmp.parse(bytes(plain), family)
        assert (77, STACK) == (found.sequence, found.mpls)


@pytest.mark.parametrize("family", [4, 6])
def test_a_notice_of_the_error_queue_is_read(family: Family) -> None:
    """It begins at the ICMP header of the probe; redirects and the like answer none."""
    kind, header = {4: (11, 20), 6: (3, 40)}[family]
    dialect = icmp.EchoDialect(family=family, identifier=4711, token=TOKEN)
    quote = dialect.request(77, 3).ljust(128 - header, b"\0") + extension(*STACK)
    fields = {"code": 0, "source": "r", "destination": "t", "stamp_ns": 1, "ttl": 9}
    for at in (128 - header, 0):
        found = dialect.notice(Notice(type=kind, quote=quote, extension_at=at, **fields))
        assert found is not None
        assert (4711, 77, STACK) == (found.identifier, found.sequence, found.mpls)
    assert dialect.notice(Notice(type=5, quote=quote, **fields)) is None


@pytest.mark.parametrize(
    ("kind", "code", "outcome"),
    [
        (129, 0, Outcome.REPLY),
        (1, 0, Outcome.UNREACHABLE),
        (1, 1, Outcome.PROHIBITED),
        (1, 3, Outcome.UNREACHABLE),
        (1, 4, Outcome.UNREACHABLE),
        (1, 5, Outcome.PROHIBITED),
        (1, 6, Outcome.PROHIBITED),
        (3, 0, Outcome.TTL_EXCEEDED),
        (2, 0, None),
        (128, 0, None),
        (11, 0, None),
    ],
)
def test_outcome_over_ipv6(kind: int, code: int, outcome: Outcome | None) -> None:
    """RFC 4443: the same numbers mean other things."""
    assert outcome == icmp.outcome_of(kind, code, 6)


def test_what_follows_a_short_quote_is_none_of_it() -> None:
    """A router that says 28 octets quotes no token: its extension is not taken for one."""
    error = bytearray(icmp_error(11, 0, probe_packet(4)[:28] + extension(*STACK)))
    error[5] = 28 // 4
    found = icmp.parse(seal(bytes(error)))
    assert (77, b"", STACK) == (found.sequence, found.payload, found.mpls)
