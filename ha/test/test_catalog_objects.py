"""Tests of ha.sqlite.catalog_objects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ha.sqlite.catalog_objects import FIRST_OID, Attribute, Relation, numbered, oid_of, quoted_if_needed


class ObjectTests(SynchronousTestCase):
    """Numbers and names."""

    def test_a_number_is_made_of_the_name(self) -> None:
        self.assertEqual(oid_of("class", "parent"), oid_of("class", "parent"))
        self.assertNotEqual(oid_of("class", "parent"), oid_of("class", "child"))
        self.assertNotEqual(oid_of("class", "parent"), oid_of("trigger", "parent"))
        self.assertGreater(oid_of("class", "parent"), FIRST_OID)

    def test_two_that_meet_have_two_numbers(self) -> None:
        """Whatever the order in which they were made. Found by trying: these two have one checksum."""
        pair = ("plumless", "buckeroo")
        self.assertEqual(oid_of("", pair[0]) == oid_of("", pair[1]), True)
        found = numbered("", pair)
        self.assertEqual(found, numbered("", reversed(pair)))
        self.assertEqual(len(set(found.values())), 2)

    def test_columns_are_found_whatever_their_case(self) -> None:
        relation = Relation(1, "t", "r", [Attribute(1, "Name", 25, -1, False)])
        self.assertIs(relation.attribute("name"), relation.attributes[0])
        self.assertIsNone(relation.attribute("nothing"))

    def test_names_are_quoted_where_postgresql_must(self) -> None:
        for name, shown in (("a_1", "a_1"), ("A", '"A"'), ("order", '"order"'), ("1a", '"1a"'), ('a"b', '"a""b"')):
            self.assertEqual(quoted_if_needed(name), shown)
