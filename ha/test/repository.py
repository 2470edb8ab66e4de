"""Where the repository is, for tests that read more of it than the package: README, docs, docker, setup.cfg.

``trial ha`` after ``pip install .`` tries the installed package, which lies elsewhere; then the repository is the folder
in which trial was started (it changes to another only after the tests are loaded).
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SkipTest

_HERE = next((path for path in (Path(__file__).parents[2], Path.cwd()) if (path / "setup.cfg").exists()), None)


def repository() -> Path:
    """Its folder.

    :raises SkipTest: the tests were started elsewhere, with nothing but the installed package.
    """
    if _HERE is None:
        raise SkipTest("this is about the repository: start trial in it")
    return _HERE
