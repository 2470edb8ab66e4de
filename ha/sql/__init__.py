"""Understanding SQL text.

Purpose
    A client's text is cut into statements; each learns its kind, its command tag, and the words that SQLite is to be
    given for it. Nothing here runs a statement or asks a database.

The walk
    `statements.split(text)` → `tokens.tokenize` (one regular expression, one pass) → cut at the semicolons → by the first
    words: a command of the session (`commands`: SET, COPY, FETCH …) or one for SQLite, where names of schemas become SQLite's
    (`namespaces`) before anything else is looked at (`translate`: PostgreSQL's words where SQLite lacks them; a text without any
    passes through unchanged; long INSERTs of literals are `literalrows`) → `kinds.Statement`, kept in a cache by text.
    The rules of `translate` stand by what they are about: `conversions`, `operators`, `sums`, `calls`, `clauses`,
    `rowsources`, `writes`, `merge`,
    `samples`, `enums`, `declarations`; what they ask and say is `rewriting`. `exact` says which numerics are computed
    digit by digit. Texts that differ only in values share
    one statement: `lifting`. For Describe, `infer` names and types what a statement gives and wants, through `reading`,
    `naming`, `expressions` and `wants`. `variables` are SET and SHOW.
    What texts of times and intervals mean is `timetexts`, `zones` and `spans`; how days are counted and kept, `calendar`.

State
    The caches of `statements.split` and `lifting.lift`, bounded in number and in size; one `variables.Variables` for each
    backend.

May import
    The standard library, `ha.errors`, each other. Every module is pure.

Decisions and their price
    * No SQL parser and no transpiler in the path: a tokenizer costs tens of microseconds and touches only what it
      knows; a transpiler costs milliseconds and rewrites what it should leave alone (declared types, above all).
      The price: rules look at tokens, and what they cannot see (a function's result type) they leave to SQLite.
    * SQLite is the judge of grammar. What no rule claims goes to SQLite as it was written, and its error comes back.
    * What SQLite cannot do is refused with 0A000 and a hint, rather than answered nearly right.
    * LIKE in a PostgreSQL client's statement is SQLite's GLOB, which tells upper from lower case, too, and finds its way through
      an index; ILIKE is SQLite's LIKE, so it folds ASCII letters only. What is stored in the schema keeps SQLite's LIKE, because CHECK
      constraints, views and triggers in the file must mean the same to every program that opens it.
"""
