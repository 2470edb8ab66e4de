"""EXPLAIN as PostgreSQL tells it: a tree of nodes in one column, ``QUERY PLAN``, made of what SQLite says of its own plan.

There are no costs, for SQLite tells none. With ANALYZE a query is run, and its rows and its time stand at the uppermost node.

https://www.sqlite.org/eqp.html
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax.saxutils import escape

import apsw

#: SQLite's words for a step through a table.
_STEP: Final = re.compile(
    r"(?P<how>SCAN|SEARCH) (?P<table>.+?)"
    r"(?: USING (?P<kind>AUTOMATIC (?:PARTIAL )?COVERING INDEX|COVERING INDEX|INDEX|INTEGER PRIMARY KEY|PRIMARY KEY)"
    r"(?: (?P<index>[^(]+?))?(?: \((?P<condition>.*)\))?)?(?: VIRTUAL TABLE INDEX .*)?(?P<left> LEFT-JOIN)?",
)
#: What SQLite does with a tree of its own is done to all rows of the level that it stands on.
_SORTS: Final = (("ORDER BY", "Sort"), ("GROUP BY", "GroupAggregate"), ("DISTINCT", "Unique"))
_WRITES: Final = re.compile(
    r"\s*(?P<verb>INSERT|UPDATE|DELETE|REPLACE)\b(?:\s+OR\s+\w+)?(?:\s+(?:INTO|FROM))?\s+(?P<table>\"(?:[^\"]|\"\")+\"|[\w.]+)",
    re.IGNORECASE,
)
_XML_NAME: Final = "http://www.postgresql.org/2009/explain"


@dataclass(slots=True)
class Node:
    """One node of a plan.

    :param said: what PostgreSQL's JSON tells of it, by its names.
    """

    kind: str
    said: dict[str, Any] = field(default_factory=dict)
    below: list[Node] = field(default_factory=list)

    @property
    def line(self) -> str:
        """As the text has it."""
        words = self.kind
        if "Index Name" in self.said:
            words += f" using {self.said['Index Name']}"
        if "Relation Name" in self.said:
            words += f" on {self.said['Relation Name']}"
        if "Actual Rows" in self.said:
            said = self.said
            words += f" (actual time={said['Actual Startup Time']:.3f}..{said['Actual Total Time']:.3f} rows={said['Actual Rows']} loops=1)"
        return words


def pg_explain(connection: Any, sql: str, form: str = "text", analyze: int = 0, verb: str = "") -> Iterator[tuple[str]]:
    """The rows of an EXPLAIN.

    :param form: ``text``, ``json``, ``xml`` or ``yaml``.
    :param analyze: run it; it is a query then.
    :param verb: of a statement that SQLite is not given as one: ``MERGE INTO t``.
    """
    unbound: Any = getattr(apsw, "_null_bindings")  # noqa: B009  its type stubs leave it out
    began = time.perf_counter()
    steps = [
        (row[0], row[1], row[3]) for row in connection.execute("EXPLAIN QUERY PLAN " + sql, unbound, can_cache=False)
    ]
    top = _tree(steps)
    writes = _WRITES.match(verb or sql)
    if writes is not None or verb:
        kind, table = (writes["verb"].capitalize(), writes["table"]) if writes is not None else ("Merge", verb)
        top = Node(
            "ModifyTable", {"Operation": kind.replace("Replace", "Insert"), "Relation Name": table.strip('"')}, [top]
        )
    summary: list[tuple[str, float]] = []
    if analyze:
        planned = time.perf_counter()
        first, count = planned, 0
        for count, _ in enumerate(connection.execute(sql), 1):  # noqa: B007
            if count == 1:
                first = time.perf_counter()
        done = time.perf_counter()
        top.said |= {
            "Actual Startup Time": round((first - planned) * 1000, 3),
            "Actual Total Time": round((done - planned) * 1000, 3),
            "Actual Rows": count,
            "Actual Loops": 1,
        }
        summary = [("Planning Time", (planned - began) * 1000), ("Execution Time", (done - planned) * 1000)]
    if form == "text":
        for line in _lines(top, 0):
            yield (line,)
        for name, value in summary:
            yield (f"{name}: {value:.3f} ms",)
        return
    whole = {"Plan": _told(top), **{name: round(value, 3) for name, value in summary}}
    yield ({"json": _json, "xml": _xml, "yaml": _yaml}[form](whole),)


def _tree(steps: list[tuple[int, int, str]]) -> Node:
    """The steps as nodes: those of one level are joined, and what is done to all of them stands above."""
    children: dict[int, list[tuple[int, str]]] = {}
    for number, parent, what in steps:
        children.setdefault(parent, []).append((number, what))
    return _level(children, 0)


def _level(children: dict[int, list[tuple[int, str]]], parent: int) -> Node:
    sources: list[Node] = []
    plans: list[Node] = []
    sorts: list[str] = []
    left = False
    for number, what in children.get(parent, ()):
        sort = next((node for words, node in _SORTS if what.startswith("USE TEMP B-TREE") and words in what), None)
        if sort is not None:
            sorts.append(sort)
            continue
        match = _STEP.fullmatch(what)
        below = number in children
        if match is not None and not below:
            left = left or match["left"] is not None
            sources.append(_step(match))
        elif "SUBQUERY" in what and not what.startswith("LEFT-MOST"):
            inner = _level(children, number)
            inner.said["Subplan Name"] = f"SubPlan {len(plans) + 1}"
            plans.append(inner)
        elif what.startswith(("CO-ROUTINE ", "MATERIALIZE ")):
            _, _, name = what.partition(" ")
            inner = _level(children, number)
            plans.append(inner)
            inner.said["Subplan Name"] = f"CTE {name}" if what.startswith("MATERIALIZE") else f"Subquery {name}"
        else:
            sources.append(_other(what, children, number))
    top = (
        sources[0]
        if len(sources) == 1
        else Node("Nested Loop" + " Left Join" * left, {}, sources)
        if sources
        else Node("Result")
    )
    if plans:
        top.below = [*plans, *top.below]
    for sort in sorts:
        top = Node(sort, {}, [top])
    return top


def _step(match: re.Match[str]) -> Node:
    table, kind, condition = match["table"], match["kind"], match["condition"]
    if table == "CONSTANT ROW":
        return Node("Result")
    if kind is None:
        return Node("Seq Scan", {"Relation Name": table, "Alias": table})
    name = (match["index"] or "").strip() or f"{table}_pkey"
    said = {"Index Name": name, "Relation Name": table, "Alias": table}
    if "AUTOMATIC" in kind:
        said["Index Name"] = "automatic index"
    if condition:
        said["Index Cond"] = f"({condition})"
    return Node("Index Only Scan" if "COVERING" in kind else "Index Scan", said)


def _other(what: str, children: dict[int, list[tuple[int, str]]], number: int) -> Node:
    """A step of several."""
    kind = "BitmapOr" if what.startswith("MULTI-INDEX") else "Append" if what.startswith("COMPOUND") else ""
    if kind:
        return Node(
            kind,
            {},
            [_level(children, one) if one in children else _leaf(words) for one, words in children.get(number, ())],
        )
    if number not in children:
        return _leaf(what)
    return _level(children, number)


def _leaf(what: str) -> Node:
    match = _STEP.fullmatch(what)
    return _step(match) if match is not None else Node(what.capitalize())


def _lines(node: Node, depth: int) -> Iterator[str]:
    """A node and those below it, each deeper by PostgreSQL's six columns."""
    indent = " " * (6 * depth - 4) + "->  " if depth else ""
    name = node.said.get("Subplan Name")
    if name is not None:
        yield f"{' ' * (6 * depth - 4)}{name}"
    words = node.line if node.kind != "ModifyTable" else f"{node.said['Operation']} on {node.said['Relation Name']}"
    if node.kind == "ModifyTable" and "Actual Rows" in node.said:
        words = words.strip()
    yield f"{' ' * 2 if name is not None else ''}{indent}{words}"
    for label in ("Index Cond",):
        if label in node.said:
            yield f"{' ' * (6 * depth + 2)}{label}: {node.said[label]}"
    for one in node.below:
        yield from _lines(one, depth + 1)


def _told(node: Node) -> dict[str, Any]:
    told: dict[str, Any] = {"Node Type": node.kind, **node.said}
    if node.below:
        told["Plans"] = [_told(one) for one in node.below]
    return told


def _json(whole: dict[str, Any]) -> str:
    return json.dumps([whole], ensure_ascii=False, indent=2)


def _xml(whole: dict[str, Any]) -> str:
    def element(name: str, value: Any, depth: int) -> str:
        tag, indent = name.replace(" ", "-"), "  " * depth
        if isinstance(value, dict):
            inner = "".join(element(key, one, depth + 1) for key, one in value.items())
        elif isinstance(value, list):
            inner = "".join(element("Plan", one, depth + 1) for one in value)
        else:
            return f"{indent}<{tag}>{escape(str(value))}</{tag}>\n"
        return f"{indent}<{tag}>\n{inner}{indent}</{tag}>\n"

    return f'<explain xmlns="{_XML_NAME}">\n{element("Query", whole, 1)}</explain>'


def _yaml(whole: dict[str, Any]) -> str:
    lines: list[str] = []

    def put(value: dict[str, Any], depth: int, first: str) -> None:
        lead = first
        for key, one in value.items():
            shown = "" if isinstance(one, (dict, list)) else json.dumps(one, ensure_ascii=False)
            lines.append(f"{lead}{key}: {shown}")
            lead = "  " * depth
            if isinstance(one, dict):
                put(one, depth + 1, "  " * (depth + 1))
            elif isinstance(one, list):
                for each in one:
                    put(each, depth + 2, "  " * (depth + 1) + "- ")

    put(whole, 1, "- ")
    return "\n".join(lines)
