"""Words of probing: frozen, with the limits that design.md promises to strangers."""

import ipaddress
import typing

import msgspec
import pytest

from agent.records import Protocol
from agent.results import Results
from agent.targets import Instant, Limits, ProbeTarget, Sink, objection, opted_out
from tests.fakes.agent_probing import FakeSink

TARGET = ProbeTarget(
    target="a.example", zone="ovh/rbx", address=None, interval_ns=10**9, timeout_ns=10**9
)


@pytest.mark.parametrize("word", [TARGET, Limits()])
def test_words_are_frozen(word: msgspec.Struct) -> None:
    """They are shared by every task: nobody may change them under the others' hands."""
    field = word.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(word, field, None)


def test_what_the_configuration_may_leave_out() -> None:
    """A target is probed over IPv4 and not traced; rounds have four flows of echo requests."""
    assert (4, None, Protocol.ICMP, 4) == (
        TARGET.family,
        TARGET.trace_interval_ns,
        TARGET.trace_protocol,
        TARGET.flows,
    )


def test_without_settings_the_limits_are_low() -> None:
    """No file at all is no licence to send: 200 packets a second, 10 of them to one target."""
    assert (200.0, 10.0) == (Limits().packets_per_s, Limits().per_target_per_s)


def test_a_prefix_has_at_most_a_quarter_and_nobody_has_opted_out() -> None:
    """50 packets a second to one /24 or /48, and no list."""
    assert (50.0, ()) == (Limits().per_prefix_per_s, Limits().opt_out)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.255", "192.0.2.0/24"),
        ("192.0.3.0", None),
        ("2001:db8:ffff::1", "2001:db8::/32"),
        ("2001:db9::1", None),
    ],
)
def test_who_has_opted_out_is_named(address: str, expected: str | None) -> None:
    """The prefix of the list that holds the address."""
    out = [ipaddress.ip_network(each) for each in ("192.0.2.0/24", "2001:db8::/32")]
    found = opted_out(address, out)
    assert expected == (None if found is None else str(found))


def test_a_moment_is_read_by_name() -> None:
    """The two clocks are never mixed up by their place."""
    assert Instant(wall_ns=2, monotonic_ns=1) == (1, 2)


@pytest.mark.parametrize("kind", [Results, FakeSink])
def test_who_takes_results_takes_all_of_them(kind: type) -> None:
    """The running agent's sink and the tests' fake have every method of the port."""
    wanted = {name for name in vars(Sink) if not name.startswith("_")}
    assert {"reply", "event", "address", "path"} == wanted
    hints = {name: typing.get_type_hints(getattr(Sink, name)) for name in wanted}
    assert hints == {name: typing.get_type_hints(getattr(kind, name)) for name in wanted}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("192.0.2.7", None),
        ("127.0.0.1", None),
        ("2001:db8::7", None),
        ("fe80::7", "fe80::7 is link-local: no zone of a provider is there"),
        ("2001:db8::7%eth0", "2001:db8::7%eth0 is link-local: no zone of a provider is there"),
        ("::ffff:192.0.2.7", "an IPv4 address in IPv6 form: write 192.0.2.7"),
        ("224.0.0.1", "224.0.0.1 is no address of one host"),
        ("ff02::1", "ff02::1 is no address of one host"),
        ("0.0.0.0", "0.0.0.0 is no address of one host"),
        ("::", ":: is no address of one host"),
        ("255.255.255.255", "255.255.255.255 is no address of one host"),
    ],
)
def test_what_is_no_host_is_refused(address: str, says: str | None) -> None:
    """Many machines, the neighbourhood, nobody: nothing is sent there."""
    assert says == objection(ipaddress.ip_address(address))
