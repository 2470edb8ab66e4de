"""Arrays and jsonb on JSON text."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ha.errors import StatementError
from ha.sqlite import arrays
from ha.test.spoken import Spoken
from ha.test.test_functions import FunctionCase


class ExactTests(FunctionCase):
    """Numbers in documents."""

    def test_digits_stay(self) -> None:
        """Whatever is done around them."""
        self.answers(
            (
                (
                    """jsonb_set('{"a": 1.50, "b": 12345678901234567.89}'::jsonb, '{c}', '2.0')""",
                    '{"a": 1.50, "b": 12345678901234567.89, "c": 2.0}',
                ),
                ("""'{"a": [1.10]}'::jsonb #> '{a,0}'""", "1.10"),
                ("""'{"a": 1.0}'::jsonb @> '{"a": 1}'::jsonb""", 1),
                (
                    """(select string_agg(value, ',') from jsonb_array_elements('[1.10, {"a": 2.50}]') as value)""",
                    '1.10,{"a": 2.50}',
                ),
            )
        )


class ArrayTests(FunctionCase):
    """PostgreSQL's operators and functions."""

    def test_arrays(self) -> None:
        """In both spellings."""
        self.answers(
            (
                ("array[1,2,null]", "[1,2,null]"),
                ("(array[1,2,3])[2]", 2),
                ('(\'{a,"b c","d\\"e"}\'::text[])[3]', 'd"e'),
                ("(array[1,2,3])[2:3]", "[2,3]"),
                ("(array[[1,2],[3,4]])[2]", None),
                ("array_length('{1,2,3}', 1)", 3),
                ("array_length('{}'::int[], 1)", None),
                ("cardinality('{}'::int[])", 0),
                ("array_to_string(array[1,null,3], ',')", "1,3"),
                ("string_to_array('a,b', ',')", '["a","b"]'),
                ("array_append('{1}'::int[], 2)", "[1,2]"),
                ("array_position(array['a','b'], 'b')", 2),
                ("array_replace('{{a,b},{b,NULL}}'::text[], 'b', 'c')", '[["a","c"],["c",null]]'),
                ("2 = any('{1,2}')", 1),
                ("3 <> all(array[1,2])", 1),
                ("1 > all('{0,-1}')", 1),
                ("array[1,2] && array[2]", 1),
                ("array[1,2] @> array[2]", 1),
                ("array(select value from generate_series(1,3))", "[1,2,3]"),
            )
        )

    def test_jsonb(self) -> None:
        """Operators that SQLite lacks."""
        self.answers(
            (
                ("'{\"a\":{\"b\":[1,true]}}'::jsonb #>> '{a,b,1}'", "true"),
                ("'{\"a\":{\"b\":1}}'::jsonb #> '{a}'", '{"b": 1}'),
                ("'{\"a\":1}'::jsonb @> '{}'", 1),
                ('\'{"a":1}\'::jsonb <@ \'{"a":1,"b":2}\'', 1),
                ("'{\"a\":1}'::jsonb ? 'b'", 0),
                ("'{\"a\":1}'::jsonb ?| array['b','a']", 1),
                ("jsonb_set('{\"a\":1}', '{a}', '2')", '{"a": 2}'),
                ("jsonb_typeof('[]')", "array"),
                ("jsonb_build_object('a', 1)", '{"a":1}'),
            )
        )

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet=st.sampled_from('{}",\\ anul1.-[]'), max_size=20))
    def test_garbage_is_refused(self, text: str) -> None:
        """Or read; nothing else."""
        try:
            arrays.elements(text)
        except StatementError:
            pass

    @settings(max_examples=100, deadline=None)
    def test_blanks_count_where_they_are_quoted(self) -> None:
        """Around an element they do not."""
        for text, items in (
            ('{ "a b" , "NULL", NULL , x y }', ["a b", "NULL", None, "x y"]),
            ("{un\\ \\ quot\\ \\ , \\NULL,1 }", ["un  quot  ", "NULL", 1]),
        ):
            self.assertEqual(arrays.elements(text), items, text)

    @given(st.lists(st.none() | st.integers(-(2**62), 2**62) | st.text(max_size=5), max_size=5))
    def test_json_arrays_are_read_as_they_are(self, values: list[object]) -> None:
        """Every value."""
        self.assertEqual(arrays.elements(json.dumps(values)), values)


class SpokenTests(SynchronousTestCase):
    """In a session."""

    def test_arrays_of_equal_elements_are_equal(self) -> None:
        """However they were written: the elements are cast one by one."""
        spoken = Spoken(self)
        for text in (
            "select array[true] is not distinct from '{t}'::bool[]",
            "select array['00000000-0000-0000-0000-00000000000a'::uuid] = '{00000000-0000-0000-0000-00000000000A}'::uuid[]",
            "select array['1.2.3.4'::inet] = '{1.2.3.4/32}'::inet[]",
        ):
            self.assertEqual(spoken.rows(text), [("t",)], text)
        self.assertEqual(spoken.error("select '{x}'::bool[]").sqlstate, "22P02")

    def test_documents_in_arrays_have_one_form(self) -> None:
        """A parameter's and ARRAY's: the text of each."""
        spoken = Spoken(self)
        literal = b'{"{\\"a\\": 1}",1,"\\"x\\"","null"}'
        for text in (
            "select $1::json[]::text",
            "select array['{\"a\": 1}'::json, '1'::json, '\"x\"'::json, 'null'::json]::text",
        ):
            heard = spoken.extended(text, *([literal] if "$1" in text else []))
            self.assertIn((literal,), [message.values for message in heard if hasattr(message, "values")])
