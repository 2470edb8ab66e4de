"""Who may call over HTTP."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.auth import Entrance, Forbidden


class HostTests(SynchronousTestCase):
    """A page whose name was rebound to our address sends that name as the Host."""

    def test_loopback_names_and_addresses_are_ours(self) -> None:
        """Whatever the port."""
        entrance = Entrance()
        for host in (
            b"localhost",
            b"LocalHost:8080",
            b"a.localhost",
            b"127.0.0.1:80",
            b"[::1]:8080",
            b"10.1.2.3",
            b"localhost.",
        ):
            entrance.check({b"Host": [host]}, writes=True)

    def test_other_names_are_not(self) -> None:
        """And what is no host at all is not either."""
        entrance = Entrance()
        for host in (
            b"evil.example",
            b"localhost.evil.example",
            b"",
            b"localhost:x",
            b"[::1",
            b"[localhost]",
            b"\xff",
            b"1.2.3",
        ):
            with self.assertRaises(Forbidden, msg=host) as caught:
                entrance.check({b"Host": [host]}, writes=False)
            self.assertFalse(caught.exception.anonymous)

    def test_the_operator_may_allow_names(self) -> None:
        """In any spelling."""
        Entrance(allowed_hosts=["DB.example."]).check({b"Host": [b"db.Example:8080"]}, writes=True)

    def test_two_hosts_are_none(self) -> None:
        """Also when the first one is known."""
        entrance = Entrance()
        entrance.check({b"Host": [b"localhost"]}, writes=False)
        self.assertRaises(Forbidden, entrance.check, {b"Host": [b"localhost", b"localhost"]}, writes=False)

    def test_invented_names_are_not_remembered_without_end(self) -> None:
        """A client may send a new one each time."""
        entrance = Entrance()
        for number in range(2000):
            self.assertRaises(Forbidden, entrance.check, {b"Host": [b"h%d.example" % number]}, writes=False)
        self.assertLess(len(entrance._verdicts), 1000)


class OriginTests(SynchronousTestCase):
    """A page of another origin may not write."""

    def test_programs_send_no_origin(self) -> None:
        """They may write."""
        Entrance().check({b"Host": [b"localhost:8080"]}, writes=True)

    def test_our_own_pages_may_write(self) -> None:
        """Same scheme, same host, same port."""
        Entrance().check(
            {b"Host": [b"localhost:8080"], b"Origin": [b"http://localhost:8080"], b"Sec-Fetch-Site": [b"same-origin"]},
            writes=True,
        )

    def test_other_pages_may_not(self) -> None:
        """By either header; a file's or a sandboxed frame's origin is ``null``."""
        for name, value in (
            (b"Origin", b"http://evil.example"),
            (b"Origin", b"http://localhost:3000"),
            (b"Origin", b"null"),
            (b"Origin", b""),
            (b"Sec-Fetch-Site", b"cross-site"),
            (b"Sec-Fetch-Site", b"same-site"),
        ):
            headers = {b"Host": [b"localhost:8080"], name: [value]}
            self.assertRaises(Forbidden, Entrance().check, headers, writes=True)
            Entrance().check(headers, writes=False)


class TokenTests(SynchronousTestCase):
    """With a token, everybody must know it."""

    def test_the_token_opens(self) -> None:
        """By any name: a page of another origin cannot send it."""
        Entrance(token="s3cret").check(
            {b"Authorization": [b"bearer s3cret"], b"Host": [b"db.example"], b"Origin": [b"http://app.example"]},
            writes=True,
        )

    def test_nothing_else_does(self) -> None:
        """And the caller learns that a token is wanted."""
        for values in (
            None,
            [],
            [b"Bearer wrong"],
            [b"Bearer"],
            [b"Basic s3cret"],
            [b"s3cret"],
            [b"Bearer s3cret"] * 2,
        ):
            headers = {b"Host": [b"localhost"]} | ({} if values is None else {b"Authorization": values})
            with self.assertRaises(Forbidden) as caught:
                Entrance(token="s3cret").check(headers, writes=False)
            self.assertTrue(caught.exception.anonymous)
