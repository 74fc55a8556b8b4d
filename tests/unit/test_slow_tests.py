"""The list of slow tests: every name in it is known, and pytest leaves those out when it is asked to."""

import re

from tests.conftest import ROOT
from tests.unit import conftest


def test_every_name_in_the_list_is_a_test_or_a_fixture():
    paths = [ROOT / "tests/conftest.py", *conftest.HERE.rglob("*.py")]
    tests = "\n".join(path.read_text() for path in paths)
    fixtures = re.findall(r"^@pytest\.fixture.*?^def (\w+)\(", tests, flags=re.MULTILINE | re.DOTALL)
    known = {*re.findall(r"^def (test_\w+)\(", tests, flags=re.MULTILINE), *fixtures}
    assert conftest.SLOW - known == set()
    assert len(conftest.SLOW) > 1


def test_slow_tests_are_marked_and_others_are_not(request):
    marked = {item.originalname for item in request.session.items if item.get_closest_marker("slow")}
    own = request.node.originalname
    assert own not in marked
    collected = {item.originalname for item in request.session.items if conftest.HERE in item.path.parents}
    assert collected & conftest.SLOW <= marked
