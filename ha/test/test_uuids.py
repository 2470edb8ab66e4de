"""Tests of ha.sqlite.uuids."""

from __future__ import annotations

import uuid

from ha.test.test_functions import FunctionCase


class UuidTests(FunctionCase):
    """What the extension uuid-ossp gives."""

    def test_versions(self) -> None:
        """Each another every time; those of time name no network card."""
        for version, name in ((1, "uuid_generate_v1"), (1, "uuid_generate_v1mc"), (4, "uuid_generate_v4")):
            first, second = (uuid.UUID(str(self.answer(f"select {name}()"))) for _ in range(2))
            self.assertEqual((first.version, second.version), (version, version), name)
            self.assertNotEqual(first, second)
            if version == 1:
                self.assertTrue(first.node & second.node & 1 << 40)
                self.assertEqual(first.node == second.node, name == "uuid_generate_v1")

    def test_names(self) -> None:
        """Always the same."""
        self.answers(
            (
                (
                    "uuid_generate_v5(uuid_ns_url(), 'http://www.postgresql.org')",
                    "e1ee1ad4-cd4e-5889-962a-4f605a68d94e",
                ),
                ("uuid_generate_v3(uuid_ns_dns(), 'www.widgets.com')", "3d813cbb-47fb-32ba-91df-831e1593ac29"),
                ("uuid_nil()", "00000000-0000-0000-0000-000000000000"),
                ("uuid_ns_x500()", "6ba7b814-9dad-11d1-80b4-00c04fd430c8"),
                ("uuid_ns_oid()", "6ba7b812-9dad-11d1-80b4-00c04fd430c8"),
            )
        )
        self.assertIsNone(self.answer("select uuid_generate_v5(null, 'x')"))
        self.refused((("uuid_generate_v5('x', 'x')", "22P02"),))
