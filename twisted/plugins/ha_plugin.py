"""Makes ``twistd ha``. Nothing of ha, and no reactor, is imported until that sub-command is chosen."""

from __future__ import annotations

from twisted.application.service import IService, IServiceMaker
from twisted.plugin import IPlugin
from twisted.python.usage import Options
from zope.interface import implementer


@implementer(IPlugin, IServiceMaker)
class HaMaker:
    """What ``twistd`` asks: a name, the options, a service."""

    tapname = "ha"
    description = "A replicated SQLite server: HTTP and PostgreSQL clients, any node takes writes."

    @property
    def options(self) -> type[Options]:
        """Asked for only when this sub-command is chosen, before anything imported the reactor: the one
        moment in which ``twistd ha`` can see to the asyncio reactor by itself.
        """
        from ha import tap

        tap.install_reactor()
        return tap.Options

    def makeService(self, options: Options) -> IService:
        """The node, ready to be started."""
        from ha import tap

        return tap.makeService(options)


ha = HaMaker()
