"""Random histories on real SQLite files with a list as the log: do all nodes come out equal?

A history is made of groups. A group runs on one of two nodes, a savepoint per transaction as the committer does, its
changes are captured, encoded and put on the list; the other nodes decode and apply them. Sometimes the node that wrote
first takes everything back from its record and applies its own message instead. At the end all nodes must hold the same
schema, the same rows under the same rowids, the same sequences, and be intact.

Everything comes from the seed, and nothing in the schemas or statements is random by itself. ``python -m
ha.test.histories --count 1000 --seed 1`` runs many, and prints the smallest form of the first one that fails.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import apsw

from ha.replication.change import Message, encode
from ha.test import cutoff, seeds
from ha.test.filenode import ROLLBACK, SAVEPOINT, Damaged, Group, Node, draws_rowids, equal
from ha.test.randomsql import Author

#: Nodes that write, and one that only ever applies, several messages at a time.
WRITERS = 2
FOLLOWER = 2


def write(seed: int) -> list[Group]:
    """The history of a seed."""
    random = Random(seed)
    author = Author(random)
    # Each on its own: one that SQLite refuses must not take away what all others build upon.
    groups = [Group(0, tuple((sql,) for sql in author.opening()), undone=False, batched=False)]
    for _ in range(random.randint(2, 14)):
        transactions = []
        for _ in range(random.randint(1, 4)):
            statements = [author.statement() for _ in range(random.choice((1, 1, 1, 2, 3, 6)))]
            if random.random() < 0.1:
                statements.insert(random.randrange(len(statements)), SAVEPOINT)
                statements.append(ROLLBACK)
                statements += [author.statement() for _ in range(random.randint(0, 2))]
            transactions.append(tuple(statements))
        groups.append(
            Group(random.randrange(WRITERS), tuple(transactions), random.random() < 0.15, random.random() < 0.3)
        )
    return groups


def play(groups: list[Group], folder: str, log: list[str] | None = None) -> None:
    """Run a history on fresh files in `folder`, or in memory when it is empty.

    :raises Diverged: the nodes do not agree.
    """
    nodes = [Node(f"{folder}/node{number}.db" if folder else ":memory:") for number in range(WRITERS + 1)]
    try:
        _play(nodes, groups, log)
    finally:
        for node in nodes:
            node.close()


def _play(nodes: list[Node], groups: list[Group], log: list[str] | None) -> None:
    waiting: list[bytes] = []
    for number, group in enumerate(groups, 1):
        writer = nodes[group.writer]
        if log is not None:
            log.append(f"group {number} on node {group.writer}")
        before = writer.contents() if group.undone else None
        try:
            done = writer.execute(group, log)
        except apsw.CorruptError as error:
            raise Damaged(str(error)) from error
        if any(draws_rowids(change) for change in done.changes):
            writer.refuse_damage()
        body = encode(
            Message(
                node=f"node{group.writer}",
                process_id=1,
                filename="history.db",
                group=number,
                snapshot_seq=number - 1,
                timestamp_ns=time.time_ns(),
                changes=done.changes,
                transactions=tuple([(str(at), count) for at, count in enumerate(done.counts)]),
                sequences=done.sequences,
            )
        )
        if not writer.committed:
            writer.apply([body])
        elif before is not None and done.record is not None:
            writer.undo(done.record.to_bytes())
            equal(before, writer.contents(), f"group {number} undone")
            writer.apply([body])
        for node in nodes[:FOLLOWER]:
            if node is not writer:
                node.apply([body])
        waiting.append(body)
        if not group.batched:
            nodes[FOLLOWER].apply(waiting)
            waiting.clear()
        if log is not None:
            equal(nodes[0].contents(), nodes[1].contents(), f"group {number}: node 0 and 1")
    if waiting:
        nodes[FOLLOWER].apply(waiting)
    first = nodes[0].contents()
    for number, node in enumerate(nodes[1:], 1):
        equal(first, node.contents(), f"at the end: node 0 and {number}")
    for node in nodes:
        node.check()


def failure(groups: list[Group], folder: str) -> str | None:
    """What goes wrong with the history, or None. Anything but agreement counts, exceptions of ours included."""
    try:
        _judge(groups, folder)
    except Damaged:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _judge(groups: list[Group], folder: str) -> cutoff.CutOff:
    with tempfile.TemporaryDirectory(dir=folder or None) as inner:
        play(groups, inner if folder else "")
        return cutoff.play(groups)


def one(seed: int, folder: Path, *, files: bool = False) -> seeds.Report:
    """Play the history of `seed`.

    :param files: on files instead of in memory.
    """
    groups = write(seed)
    happened = Counter({"groups": len(groups)})
    try:
        history = _judge(groups, str(folder) if files else "")
        happened.update(passes=history.passes, compared=history.compared, left_standing=history.left_standing)
    except Damaged:
        happened["ended by a damage of SQLite's own"] += 1
    except Exception as error:
        return seeds.Report(f"{type(error).__name__}: {error}", happened)
    return seeds.Report(None, happened)


def shrink(groups: list[Group], fails: Callable[[list[Group]], bool]) -> list[Group]:
    """The smallest history that still fails, found by leaving things out."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(groups):
            if fails(candidate):
                groups, smaller = candidate, True
                break
    return groups


def _smaller(groups: list[Group]) -> Iterator[list[Group]]:
    for size in (8, 4, 2, 1):
        for at in range(0, len(groups), size):
            if len(groups) > 1:
                yield groups[:at] + groups[at + size :]
    for at, group in enumerate(groups):
        transactions = group.transactions
        for place, transaction in enumerate(transactions):
            if len(transactions) > 1:
                yield [
                    *groups[:at],
                    replace(group, transactions=transactions[:place] + transactions[place + 1 :]),
                    *groups[at + 1 :],
                ]
            for size in (4, 1):
                for line in range(0, len(transaction), size):
                    if len(transaction) > 1:
                        kept = transaction[:line] + transaction[line + size :]
                        changed = (*transactions[:place], kept, *transactions[place + 1 :])
                        yield [*groups[:at], replace(group, transactions=changed), *groups[at + 1 :]]
        if group.undone:
            yield [*groups[:at], replace(group, undone=False), *groups[at + 1 :]]
        if group.batched:
            yield [*groups[:at], replace(group, batched=False), *groups[at + 1 :]]


def _fails(kind: str, folder: str, groups: list[Group]) -> bool:
    return (failure(groups, folder) or "").startswith(kind)


def tell(groups: list[Group], folder: str = "") -> str:
    """A history as a person reads it, with what SQLite said."""
    log: list[str] = []
    try:
        play(groups, folder, log)
        log.append("and with node 1 cut off")
        cutoff.play(groups, log)
    except Exception as error:
        log.append(f"{type(error).__name__}: {error}")
    return "\n".join(log)


def main(arguments: list[str]) -> int:
    """Run histories; 1 when one fails."""
    parser = argparse.ArgumentParser(prog="python -m ha.test.histories", description=__doc__)
    seeds.add_options(parser)
    parser.add_argument("--files", action="store_true", help="on files in the temporary folder instead of in memory")
    options = parser.parse_args(arguments)
    played = seeds.play_as_told(partial(one, files=options.files), options)
    if played.failed and not options.go_on:
        seed, reason = min(played.failed.items())
        kind, folder = reason.split(":")[0], tempfile.gettempdir() if options.files else ""
        print(f"seed {seed} at its smallest:\n{tell(shrink(write(seed), partial(_fails, kind, folder)), '')}")
    print(played)
    print(", ".join(f"{number} {what}" for what, number in sorted(played.happened.items())))
    return 1 if played.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
