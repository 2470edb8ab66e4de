"""The house's rules, read from its source: who may import whom, what names are made of, what each module owes.

A rule that nobody checks is a wish. Each of these stands in docs/architecture.rst with its reason.
"""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from ha.test.repository import repository

HOUSE = Path(__file__).parents[1]
ROOT = HOUSE.parent

#: Modules without Twisted, SQLite or NATS, besides all of ``ha.sql``: they can be tried with plain values.
PURE = {
    "ha.auth",
    "ha.errors",
    "ha.settings",
    "ha.values",
    "ha.postgres.messages",
    "ha.postgres.pgtypes",
    "ha.postgres.scram",
    "ha.sql.sqlstate",
    "ha.replication.change",
    "ha.replication.conflicts",
}

#: Third-party packages that a pure module may use: they only turn values into other values.
PURE_PACKAGES = {"orjson"}

#: What the rooms of one client's backend look down on.
BELOW_THE_BACKEND = {"ha.sql", "ha.sqlite", "ha.replication"}

#: What each part of the house may import from the house, besides its own part and `COMMON`. The longest prefix counts.
ARROWS = {
    "ha": set(),
    "ha.auth": set(),
    "ha.backend": {
        "ha.batch",
        "ha.block",
        "ha.company",
        "ha.instructions",
        "ha.judgement",
        "ha.shortcut",
        "ha.stream",
        "ha.writing",
        *BELOW_THE_BACKEND,
    },
    "ha.batch": {"ha.backend", "ha.judgement", "ha.writing", *BELOW_THE_BACKEND},
    "ha.block": {"ha.stream", *BELOW_THE_BACKEND},
    "ha.bench": {
        "ha.auth",
        "ha.postgres",
        "ha.web",
        "ha.settings",
        "ha.node",
        "ha.backend",
        "ha.sql",
        "ha.sqlite",
        "ha.replication",
        "ha.tap",
    },
    "ha.command": set(),
    "ha.company": set(),
    "ha.coroutines": set(),
    "ha.crowd": set(),
    "ha.errors": set(),
    "ha.hearing": set(),
    "ha.instructions": {"ha.backend", "ha.block", "ha.procedure", "ha.writing", *BELOW_THE_BACKEND},
    "ha.judgement": {"ha.backend", *BELOW_THE_BACKEND},
    "ha.logs": set(),
    "ha.metrics": set(),
    "ha.node": {
        "ha.settings",
        "ha.premises",
        "ha.auth",
        "ha.tls",
        "ha.sqlite",
        "ha.replication",
        "ha.postgres",
        "ha.web",
    },
    "ha.premises": {"ha.settings", "ha.backend", "ha.company", "ha.spares", *BELOW_THE_BACKEND},
    "ha.procedure": {"ha.backend", *BELOW_THE_BACKEND},
    "ha.postgres": {"ha.auth", "ha.coroutines", "ha.crowd", "ha.hearing", "ha.tls", "ha.sql"},
    "ha.replication": {"ha.sqlite", "ha.sql"},
    "ha.settings": set(),
    "ha.sql": set(),
    "ha.sqlite": {"ha.sql"},
    "ha.shortcut": {"ha.backend", "ha.judgement", "ha.stream", *BELOW_THE_BACKEND},
    "ha.spares": {"ha.backend", *BELOW_THE_BACKEND},
    "ha.stream": {"ha.backend", "ha.block", *BELOW_THE_BACKEND},
    "ha.tap": {"ha.node", "ha.settings"},
    "ha.tls": {"ha.postgres"},
    "ha.values": set(),
    "ha.web": {"ha.auth", "ha.coroutines", "ha.crowd", "ha.hearing", "ha.tls", "ha.sql"},
    "ha.writing": {"ha.backend", "ha.block", "ha.judgement", *BELOW_THE_BACKEND},
}

#: What anybody may import: plain values, and what everybody says things with.
COMMON = {"ha", "ha.errors", "ha.values", "ha.logs", "ha.metrics"}

#: Each big dependency is behind one door; its exceptions are translated there.
OWNERS = {
    "apsw": ("ha.sqlite", "ha.bench.raw"),  # what it gives alone is one of the bench's limits
    "nats": ("ha.replication.link", "ha.replication.natsclient"),
    "uvloop": ("ha.tap",),
    "twisted.internet.reactor": ("ha.tap",),
    "twisted.internet.asyncioreactor": ("ha.tap",),
    "twisted.web": ("ha.web",),
    "treq": ("ha.command", "ha.web", "ha.replication", "ha.bench"),
    "os.environ": ("ha.tap", "ha.command", "ha.bench"),
}

#: Words that say nothing of what a thing is.
BANNED = {"handler", "manager", "processor", "engine", "helper", "helpers", "util", "utils", "misc", "stuff"}

#: Rooms whose modules are tried together, in ``test_<room>.py``.
TOGETHER = ("ha.bench",)

#: Modules that only declare: there is nothing in them to try.
DECLARATIONS = {"ha.values"}

#: What every package's docstring tells.
HEADS = ("Purpose", "The walk", "State", "May import", "Decisions and their price")


@dataclass(frozen=True)
class Module:
    """One source file of the house."""

    name: str
    path: Path
    tree: ast.Module

    @cached_property
    def docstring(self) -> str:
        """Its first words, or nothing."""
        return ast.get_docstring(self.tree) or ""

    @property
    def is_package(self) -> bool:
        """Whether it is an ``__init__``."""
        return self.path.name == "__init__.py"

    @property
    def is_test(self) -> bool:
        """Tests may import everything."""
        return within(self.name, "ha.test")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of its syntax."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[tuple[str, int]]:
        """Every module it imports, wherever in the file, and the line. ``os.environ`` counts as one."""
        found = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found.append((whole if whole in OWNERS or whole in modules() else str(node.module), node.lineno))
            elif isinstance(node, ast.Attribute) and node.attr == "environ" and ast.unparse(node) == "os.environ":
                found.append(("os.environ", node.lineno))
        return found


def within(name: str, room: str) -> bool:
    """Whether the module is that one, or inside it."""
    return name == room or name.startswith(room + ".")


@cache
def modules() -> dict[str, Module]:
    """The house, by dotted name."""
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path, ast.parse(path.read_text()))
    return found


def own() -> list[Module]:
    """The house without its tests."""
    return [module for module in modules().values() if not module.is_test]


def is_pure(name: str) -> bool:
    """Whether the module has to be, or says in the first lines of its docstring that it is."""
    return name in PURE or within(name, "ha.sql") or says_pure(modules()[name])


def says_pure(module: Module) -> bool:
    """Whether its docstring's first paragraph is marked."""
    return "[pure]" in module.docstring.partition("\n\n")[0]


class ArrowTests(SynchronousTestCase):
    """Who may import whom."""

    def test_every_room_looks_only_where_it_may(self) -> None:
        """A lower room can be read, tried and replaced without the upper."""
        broken = []
        for module in own():
            room = max((one for one in ARROWS if within(module.name, one)), key=len)
            allowed = {room, *ARROWS[room]} - {"ha"}
            for name, line in module.imports:
                if within(name, "ha") and name not in COMMON and not any(within(name, one) for one in allowed):
                    broken.append(f"{module.path.relative_to(ROOT)}:{line}: {module.name} imports {name}")
        self.assertEqual(broken, [])

    def test_pure_modules_need_only_the_standard_library(self) -> None:
        """And each other."""
        broken = []
        for module in own():
            if not is_pure(module.name):
                continue
            for name, line in module.imports:
                top = name.partition(".")[0]
                if name in modules():
                    allowed = is_pure(name) or name == "ha"
                else:
                    allowed = top in sys.stdlib_module_names or top in PURE_PACKAGES
                if not allowed or name == "os.environ":
                    broken.append(f"{module.path.relative_to(ROOT)}:{line}: {module.name} imports {name}")
        self.assertEqual(broken, [])

    def test_pure_modules_say_so(self) -> None:
        """In the first paragraph of their docstrings."""
        wrong = [m.name for m in own() if is_pure(m.name) and not m.is_package and not says_pure(m)]
        self.assertEqual(wrong, [])

    def test_big_dependencies_are_behind_one_door(self) -> None:
        """apsw in the cellar, nats in the log, the reactor in tap."""
        broken = []
        for module in own():
            for name, line in module.imports:
                for dependency, owners in OWNERS.items():
                    if within(name, dependency) and not any(within(module.name, owner) for owner in owners):
                        broken.append(f"{module.path.relative_to(ROOT)}:{line}: {module.name} imports {name}")
        self.assertEqual(broken, [])

    def test_nobody_imports_the_reactor_at_module_level(self) -> None:
        """Importing it chooses one, and ``twistd ha`` has not been asked yet. Tests neither."""
        broken = []
        plugins = {path: ast.parse(path.read_text()) for path in (repository() / "twisted").rglob("*.py")}
        for path, tree in ({module.path: module.tree for module in modules().values()} | plugins).items():
            for node in tree.body:
                text = ast.unparse(node) if isinstance(node, ast.Import | ast.ImportFrom) else ""
                if re.search(r"from twisted\.internet import .*\breactor\b|twisted\.internet\.reactor", text):
                    broken.append(f"{path}:{node.lineno}: {text}")
        self.assertEqual(broken, [])

    def test_imports_are_absolute(self) -> None:
        """So that the arrows can be found with grep."""
        broken = [
            f"{module.path.relative_to(ROOT)}:{node.lineno}"
            for module in modules().values()
            for node in module.nodes
            if isinstance(node, ast.ImportFrom) and node.level
        ]
        self.assertEqual(broken, [])


class NameTests(SynchronousTestCase):
    """What things are called."""

    def test_one_name_means_one_file(self) -> None:
        """A test, a log's namespace and a spoken word all mean the same module."""
        counts = Counter(module.path.stem for module in own() if not module.path.stem.startswith("__"))
        self.assertEqual([name for name, count in counts.items() if count > 1], [])

    def test_no_empty_words(self) -> None:
        """Classes, functions and modules are called by what they are."""
        broken = []
        for module in modules().values():
            names = [(module.path.stem, 1)]
            for node in module.nodes:
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    names.append((node.name, node.lineno))
            for name, line in names:
                words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
                if words & BANNED:
                    broken.append(f"{module.path.relative_to(ROOT)}:{line}: {name}")
        self.assertEqual(broken, [])


class DebtTests(SynchronousTestCase):
    """What each module owes its reader."""

    def test_every_module_says_what_it_is_for(self) -> None:
        """In a docstring, tests too."""
        self.assertEqual([str(m.path.relative_to(ROOT)) for m in modules().values() if not m.docstring], [])

    def test_every_class_says_what_it_promises(self) -> None:
        """Private ones may leave it to their name; functions, too, many of which SQL's manual describes."""
        broken = [
            f"{module.path.relative_to(ROOT)}:{node.lineno}: {node.name}"
            for module in own()
            for node in module.tree.body
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
        ]
        self.assertEqual(broken, [])

    def test_every_module_has_its_test(self) -> None:
        """``ha/x/y.py`` is tried in ``ha/test/test_y.py``."""
        tests = {path.name for path in (HOUSE / "test").rglob("test_*.py")}
        missing = []
        for module in own():
            if module.name in DECLARATIONS or module.path.stem.startswith("__"):
                continue
            room = next((room for room in TOGETHER if within(module.name, room)), module.name)
            if f"test_{room.rpartition('.')[2]}.py" not in tests:
                missing.append(str(module.path.relative_to(ROOT)))
        self.assertEqual(missing, [])

    def test_every_package_tells_its_room(self) -> None:
        """Under the same five heads, so that one knows where to look."""
        broken = [
            f"{module.name}: {head}"
            for module in own()
            if module.is_package and module.name != "ha"
            for head in HEADS
            if not re.search(rf"^(\*\*)?{re.escape(head)}\b", module.docstring, re.MULTILINE)
        ]
        self.assertEqual(broken, [])

    def test_the_map_names_every_room(self) -> None:
        """``ha/__init__.py`` is where a reader starts."""
        text = modules()["ha"].docstring
        rooms = [path for path in HOUSE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
        missing = [
            path.stem for path in rooms if path.stem != "__init__" and not re.search(rf"^ +{path.stem}\b", text, re.M)
        ]
        self.assertEqual(missing, [])


class PackagingTests(SynchronousTestCase):
    """What is in the house is in the package."""

    def setUp(self) -> None:
        """setup.cfg, read as setuptools does."""
        self.config = configparser.ConfigParser()
        self.config.read(repository() / "setup.cfg")

    def test_every_package_is_installed(self) -> None:
        """And the plugin's folder, which is none."""
        listed = self.config["options"]["packages"].split()
        found = [name for name, module in modules().items() if module.is_package]
        self.assertEqual(sorted(listed), sorted([*found, "twisted.plugins"]))
        self.assertFalse(list((repository() / "twisted").rglob("__init__.py")))

    def test_every_file_is_installed(self) -> None:
        """Also what is not Python."""
        patterns = {
            package: [part.strip() for part in globs.split(",")]
            for package, globs in self.config["options.package_data"].items()
        }
        installed = {
            path
            for package, globs in patterns.items()
            for glob in globs
            for path in (ROOT / package.replace(".", "/")).glob(glob)
        }
        others = {
            path
            for path in HOUSE.rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
        }
        self.assertEqual(sorted(others - installed), [])

    def test_every_dependency_is_declared(self) -> None:
        """What the house imports comes with it; what only its tests import comes with ``ha[test]``."""
        declared = self.config["options"]["install_requires"].lower()
        extra = self.config["options.extras_require"]["test"].lower()
        packages = {
            "nats": "nats-py",
            "OpenSSL": "twisted[tls]",
            "zope": "twisted[tls]",
            "re2": "google-re2",
            "psycopg": "psycopg[binary]",
        }
        missing = []
        for module in modules().values():
            known = declared + extra if module.is_test or within(module.name, "ha.bench") else declared
            for name, _ in module.imports:
                top = name.partition(".")[0]
                wanted = packages.get(top, top).lower()
                if top not in sys.stdlib_module_names and top != "ha" and wanted not in known:
                    missing.append(f"{module.path.relative_to(ROOT)}: {top}")
        self.assertEqual(missing, [])
