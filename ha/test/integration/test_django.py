"""Django as its users use it, against a real node: migrations, the admin's tables, inspectdb, the ORM, a test run of its own.

A project is written into a temporary folder and run by Django's own commands, as processes.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

from twisted.trial.unittest import SynchronousTestCase

from ha.test.integration.nodes import Node, environment, temporary_folder

SETTINGS = """
    SECRET_KEY = "x"
    USE_TZ = True
    SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]  # no pages, only tables
    TIME_ZONE = "Europe/Paris"
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    INSTALLED_APPS = [
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "shop",
    ]
    DATABASES = {"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": "mydatabase", "USER": "ha", "PASSWORD": "ha", "HOST": "localhost", "PORT": %d,
    }}
"""

MODELS = """
    import datetime
    import uuid

    from django.db import models


    class Maker(models.Model):
        name = models.CharField(max_length=50, unique=True)


    class Thing(models.Model):
        maker = models.ForeignKey(Maker, models.CASCADE, related_name="things")
        token = models.UUIDField(default=uuid.uuid4)
        price = models.DecimalField(max_digits=10, decimal_places=2)
        sold = models.BooleanField(default=False)
        made = models.DateTimeField(auto_now_add=True)
        lasts = models.DurationField(default=datetime.timedelta(days=1))
        about = models.JSONField(default=dict)
        count = models.IntegerField(null=True, db_index=True)

        class Meta:
            indexes = [models.Index(fields=["price", "-made"], name="thing_price")]
            constraints = [models.CheckConstraint(condition=models.Q(price__gte=0), name="thing_price_positive")]
"""

#: A day later: a field goes with its index, another comes, one is widened, one may not be NULL any more.
CHANGES = (
    (
        "        count = models.IntegerField(null=True, db_index=True)\n",
        "        note = models.TextField(default='')\n",
    ),
    ("max_length=50", "max_length=80"),
    ("max_digits=10", "max_digits=12"),
)

TESTS = """
    import datetime
    from decimal import Decimal

    from django.contrib.auth.models import User
    from django.db import IntegrityError, connection, transaction
    from django.db.models import Avg, Count, F, Max, Q, Sum, Window
    from django.db.models.functions import Lower, RowNumber, TruncDay
    from django.test import TestCase

    from shop.models import Maker, Thing


    class ShopTests(TestCase):
        def setUp(self):
            self.maker = Maker.objects.create(name="Ha")
            Thing.objects.bulk_create(
                Thing(maker=self.maker, price=Decimal(number), sold=number % 2 == 0, about={"n": number, "tags": ["a", "b"]})
                for number in range(10)
            )

        def test_queries(self):
            self.assertEqual(Thing.objects.filter(about__n__gte=5, sold=True).count(), 2)
            self.assertEqual(Thing.objects.aggregate(Sum("price"), Max("lasts"))["price__sum"], Decimal("45.00"))
            days = Thing.objects.annotate(day=TruncDay("made")).values("day").annotate(n=Count("id"))
            self.assertEqual([day["n"] for day in days], [10])
            ranked = Thing.objects.annotate(rank=Window(RowNumber(), order_by=F("price").desc())).order_by("rank")
            self.assertEqual(ranked.first().price, Decimal("9.00"))
            cheap, dear = Thing.objects.filter(price__lt=2), Thing.objects.filter(price__gt=7)
            self.assertEqual(cheap.union(dear).count(), 4)
            self.assertEqual(Maker.objects.annotate(low=Lower("name"), mean=Avg("things__price")).get().low, "ha")
            self.assertEqual(len(list(Thing.objects.order_by("price").iterator(chunk_size=3))), 10)
            self.assertEqual(Thing.objects.select_related("maker").filter(Q(maker__name__iexact="HA")).count(), 10)

        def test_writes(self):
            Thing.objects.filter(sold=True).update(price=F("price") + 1)
            thing, made = Thing.objects.update_or_create(token=Thing.objects.first().token, defaults={"about": {"x": None}})
            self.assertEqual((made, thing.about), (False, {"x": None}))
            things = list(Thing.objects.all())
            for thing in things:
                thing.lasts += datetime.timedelta(hours=1)
            Thing.objects.bulk_update(things, ["lasts"])
            self.assertEqual(Thing.objects.filter(lasts=datetime.timedelta(days=1, hours=1)).count(), 10)
            Maker.objects.bulk_create([Maker(name="Ha"), Maker(name="Ho")], ignore_conflicts=True)
            self.assertEqual(Maker.objects.count(), 2)
            with self.assertRaises(IntegrityError), transaction.atomic():
                Thing.objects.update(price=-1)
            with self.assertRaises(IntegrityError), transaction.atomic():
                Maker.objects.create(name="Ho")
            self.maker.delete()
            self.assertEqual(Thing.objects.count(), 0)

        def test_the_admins_tables(self):
            user = User.objects.create_superuser("eve", "eve@example.org", "secret")
            self.assertTrue(self.client.login(username="eve", password="secret"))
            self.assertEqual(User.objects.get(last_login__isnull=False).pk, user.pk)

        def test_introspection(self):
            with connection.cursor() as cursor:
                constraints = connection.introspection.get_constraints(cursor, "shop_thing")
            self.assertTrue(constraints["thing_price"]["index"] and constraints["thing_price_positive"]["check"])
            self.assertEqual(constraints["thing_price"]["orders"], ["ASC", "DESC"])
"""


class DjangoTests(SynchronousTestCase):
    """A project's first days."""

    def setUp(self) -> None:
        self.node = Node(self).start()
        self.folder = temporary_folder(self)
        shop = self.folder / "shop"
        (shop / "migrations").mkdir(parents=True)
        for path in (shop / "__init__.py", shop / "migrations" / "__init__.py"):
            path.write_text("")
        (self.folder / "settings.py").write_text(textwrap.dedent(SETTINGS) % self.node.pg_port)
        (shop / "models.py").write_text(textwrap.dedent(MODELS))
        (shop / "tests.py").write_text(textwrap.dedent(TESTS))

    def manage(self, *words: str) -> str:
        """One of Django's commands: what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "django", *words, "--settings=settings"],
            cwd=self.folder,
            env=environment() | {"PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_a_project(self) -> None:
        """It is migrated, changed, migrated again and back, looked at, and its tests run in a database of their own."""
        self.manage("makemigrations", "shop")
        self.manage("migrate")
        self.assertIn("shop_thing", str(self.node.contents()["schema"]))
        models = self.folder / "shop" / "models.py"
        text = models.read_text()
        for old, new in CHANGES:
            old, new = old[4:] if old.startswith("        ") else old, new[4:] if new.startswith("        ") else new
            self.assertIn(old, text)
            text = text.replace(old, new)
        models.write_text(text)
        self.manage("makemigrations", "shop", "--name", "changed")
        self.manage("migrate")
        self.assertIn("No changes detected", self.manage("makemigrations", "--check", "--dry-run"))
        self.assertIn("Ran 4 tests", self.manage("test", "--noinput"))
        self.manage("migrate", "shop", "0001")
        shown = self.manage("inspectdb", "shop_thing", "shop_maker")
        for line in (
            "maker = models.ForeignKey('ShopMaker', models.DO_NOTHING)",
            "price = models.DecimalField(max_digits=10, decimal_places=2)",
            "about = models.JSONField()",
            "name = models.CharField(unique=True, max_length=50)",
        ):
            self.assertIn(line, shown)
