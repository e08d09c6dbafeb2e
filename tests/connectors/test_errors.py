"""Which failures of the network wait for a person, and which are tried again."""

import pytest

from connectors import errors
from zalion import net


@pytest.mark.parametrize(
    "error", [net.TlsFailed, net.DeadlineExceeded, net.ConnectionLost, net.ConnectFailed, net.NameNotResolved]
)
def test_a_line_that_breaks_off_is_tried_again(error: type[net.NetworkError]) -> None:
    assert isinstance(errors.from_network(error("text")), errors.TransientError)


@pytest.mark.parametrize("error", [net.CertificateRefused, net.AddressRefused, net.AuthorityUnreadable])
def test_what_is_set_up_wrongly_waits_for_a_person(error: type[net.NetworkError]) -> None:
    assert isinstance(errors.from_network(error("text")), errors.ConfigurationError)
