"""The list of slow tests: every name in it is a test, and pytest leaves those out when it is asked to."""

import re

from tests.unit import conftest


def test_every_name_in_the_list_is_a_test():
    tests = "\n".join(path.read_text() for path in conftest.HERE.rglob("test_*.py"))
    assert conftest.SLOW - set(re.findall(r"^def (test_\w+)\(", tests, flags=re.MULTILINE)) == set()
    assert len(conftest.SLOW) > 1


def test_slow_tests_are_marked_and_others_are_not(request):
    marked = {item.originalname for item in request.session.items if item.get_closest_marker("slow")}
    own = request.node.originalname
    assert own not in marked
    collected = {item.originalname for item in request.session.items if conftest.HERE in item.path.parents}
    assert collected & conftest.SLOW <= marked
