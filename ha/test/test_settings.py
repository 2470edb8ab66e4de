"""The settings table: what words mean, who wins, what is refused, and the page that tells of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.settings import DURATION, SIZE, TABLE, BadSetting, Settings, page, read
from ha.test.repository import repository

DB = {"db": ["a.db"]}


class UnitTests(SynchronousTestCase):
    """Words become values with a unit."""

    def test_durations(self) -> None:
        """A duration is written with its unit; only zero needs none."""
        for word, seconds in (
            ("500ms", 0.5),
            ("30s", 30.0),
            ("1.5m", 90.0),
            ("24h", 86400.0),
            ("7d", 604800.0),
            ("0", 0.0),
        ):
            self.assertEqual(DURATION.parse(word), seconds)

    def test_what_is_no_duration(self) -> None:
        """A number without a unit could be anything, so it is nothing."""
        for word in ("30", "", "s", "-1s", "1 s", "1e3s", "inf", "1s\n"):
            self.assertRaises(ValueError, DURATION.parse, word)

    def test_sizes(self) -> None:
        """A size is in bytes, or in binary multiples."""
        for word, size in (("0", 0), ("4096", 4096), ("64KiB", 65536), ("128MiB", 134217728), ("1GiB", 1073741824)):
            self.assertEqual(SIZE.parse(word), size)
        for word in ("", "1MB", "-1", "1.5GiB", "MiB"):
            self.assertRaises(ValueError, SIZE.parse, word)

    @given(st.text(max_size=12))
    def test_any_word_is_a_value_or_a_refusal(self, word: str) -> None:
        """No word makes a setting fail in another way than by BadSetting."""
        for setting in TABLE:
            try:
                setting.value(word, "--" + setting.name)
            except BadSetting as error:
                self.assertTrue(str(error).startswith("--" + setting.name))


class ReadTests(SynchronousTestCase):
    """What was written, and where, becomes one frozen object."""

    def test_the_defaults_serve(self) -> None:
        """A node needs nothing but a database."""
        settings = read(DB, {})
        self.assertEqual(settings.databases, ("a.db",))
        self.assertEqual((settings.http_port, settings.pg_port, settings.nats_port), (8080, 5432, 4222))
        self.assertEqual(
            (settings.bind, settings.statement_timeout_s, settings.inline_budget_s), ("127.0.0.1", 300.0, 0.002)
        )
        self.assertTrue(settings.embeds_nats)

    def test_the_command_line_wins_over_the_environment(self) -> None:
        """And the environment over the default."""
        environment = {"HA_PORT": "9000", "HA_PG_PORT": "9001"}
        settings = read({**DB, "port": ["8000"]}, environment)
        self.assertEqual((settings.http_port, settings.pg_port), (8000, 9001))

    def test_the_last_of_several_words_counts(self) -> None:
        """As everywhere on a command line."""
        self.assertEqual(read({**DB, "port": ["8000", "8001"]}, {}).http_port, 8001)

    def test_several_databases(self) -> None:
        """On the command line by repetition, in the environment by commas."""
        self.assertEqual(read({"db": ["a.db", "b.db"]}, {}).databases, ("a.db", "b.db"))
        self.assertEqual(read({}, {"HA_DB": "a.db, /x/b.db"}).databases, ("a.db", "/x/b.db"))

    def test_an_empty_variable_is_an_absent_one(self) -> None:
        """Compose files pass variables on that nobody set."""
        self.assertEqual(read(DB, {"HA_PORT": ""}).http_port, 8080)

    def test_the_data_folder_is_beside_the_first_database(self) -> None:
        """Unless it is said."""
        self.assertEqual(read({"db": ["/x/a.db", "/y/b.db"]}, {}).data_folder, "/x/ha-data")
        self.assertEqual(read(DB, {}).data_folder, "ha-data")
        self.assertEqual(read({**DB, "data-dir": ["/z"]}, {}).data_folder, "/z")

    def test_a_url_means_no_embedded_server(self) -> None:
        """With or without --nats-port 0."""
        for port in ("0", "4222"):
            settings = read({**DB, "nats-port": [port], "replication-url": ["nats://localhost:4222"]}, {})
            self.assertFalse(settings.embeds_nats)

    def test_secrets_are_not_shown(self) -> None:
        """Neither in the object's repr nor in a refusal."""
        settings = read(
            {**DB, "token": ["sesame"], "pg-password": ["sesame"], "replication-url": ["nats://u:sesame@h"]}, {}
        )
        self.assertNotIn("sesame", repr(settings))
        error = self.assertRaises(BadSetting, read, {**DB, "token": ["sesame\n"]}, {})
        self.assertNotIn("sesame", str(error))


class RefusalTests(SynchronousTestCase):
    """What cannot be used is refused in one sentence that names the option."""

    def refused(self, *start: str, environment: dict[str, str] | None = None, **words: str) -> None:
        """The words are refused with a sentence that starts like this."""
        given = {name.replace("_", "-"): [word] for name, word in words.items()}
        error = self.assertRaises(BadSetting, read, given, environment or {})
        self.assertTrue(str(error).startswith(start), str(error))
        self.assertNotIn("\n", str(error))

    def test_no_database(self) -> None:
        """There is nothing to serve."""
        self.refused("--db is missing")

    def test_values_without_meaning(self) -> None:
        """Each unit says what it would have taken."""
        self.refused("--port: 'http' is not a port", db="a.db", port="http")
        self.refused("--port: '65536' is not a port", db="a.db", port="65536")
        self.refused("--statement-timeout: '5' is not a duration", db="a.db", statement_timeout="5")
        self.refused("--durability: 'never' is not normal or fsync", db="a.db", durability="never")
        self.refused("--replication-stream: 'a.b' is not a stream's name", db="a.db", replication_stream="a.b")
        self.refused("--replication-url: its value is not an address", db="a.db", replication_url="localhost:4222")
        self.refused("--connections-max: '0' is not a number from 1 up", db="a.db", connections_max="0")

    def test_the_environment_is_named_when_it_is_wrong(self) -> None:
        """So that one knows where to look."""
        self.refused("HA_PORT: 'x' is not a port", db="a.db", environment={"HA_PORT": "x"})

    def test_settings_that_contradict_each_other(self) -> None:
        """Each alone would do."""
        self.refused("--nats-port 0 runs no nats-server", db="a.db", nats_port="0")
        self.refused("--pg-tls-cert and --pg-tls-key go together", db="a.db", pg_tls_cert="x.pem")
        self.refused("--pg-port and --port are both 8080", db="a.db", pg_port="8080")
        self.refused("--bind is empty", db="a.db", bind="")

    def test_two_closed_doors_may_share_the_number_zero(self) -> None:
        """Zero is no port."""
        settings = read({**DB, "port": ["0"], "pg-port": ["0"]}, {})
        self.assertEqual((settings.http_port, settings.pg_port), (0, 0))


class TableTests(SynchronousTestCase):
    """The table is complete, and the page tells what it holds."""

    def test_every_row_is_told_well(self) -> None:
        """A name, a sentence, and a default that its own unit understands."""
        for setting in TABLE:
            self.assertRegex(setting.name, r"^[a-z]+(-[a-z]+)*$")
            self.assertTrue(setting.sentence.endswith("."), setting.name)
            self.assertEqual(setting.environment, "HA_" + setting.name.upper().replace("-", "_"))
            setting.value(setting.default, setting.name)

    def test_no_name_twice(self) -> None:
        """Neither as an option nor as a variable."""
        self.assertEqual(len({setting.environment for setting in TABLE}), len(TABLE))

    def test_settings_are_frozen(self) -> None:
        """What was checked stays checked."""
        settings = Settings(databases=("a.db",))
        self.assertRaises(AttributeError, setattr, settings, "http_port", 1)

    def test_the_page_is_up_to_date(self) -> None:
        """docs/settings.rst is what ``python -m ha.settings`` prints."""
        path = repository() / "docs" / "settings.rst"
        self.assertEqual(path.read_text(), page(), "run: python -m ha.settings > docs/settings.rst")
