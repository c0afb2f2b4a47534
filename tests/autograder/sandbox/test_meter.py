"""When memory is measured exactly, which costs the kernel tens of milliseconds a process."""

import time

import pytest

from autograder.sandbox.meter import Meter

LIMIT = 1000


class Scripted(Meter):
    """Of a sandbox whose processes share all that they have mapped at first, 300 each."""

    def __init__(self):
        super().__init__(0, (), 0, LIMIT)
        self.mapped_now, self.really, self.exact_looks = {}, 300, 0

    def _sum(self, exact):
        self.exact_looks += exact
        memory = self.really if exact else sum(self.mapped_now.values())
        return {"memory": memory, "cpu": 0.0, "tasks": len(self.mapped_now)}, dict(self.mapped_now)


@pytest.fixture
def meter():
    meter = Scripted()
    meter.mapped_now = dict.fromkeys("abcd", 300)
    assert meter.look()["memory"] == 300 and meter.exact_looks == 1
    meter.next = time.monotonic() + 60
    return meter


def test_what_cannot_pass_the_limit_is_not_measured_exactly():
    meter = Scripted()
    meter.mapped_now = dict.fromkeys("abc", 300)
    assert meter.look()["memory"] == 900 and meter.exact_looks == 0


def test_it_is_not_measured_again_until_growth_could_make_the_difference(meter):
    meter.mapped_now["a"] += 100
    meter.mapped_now["e"] = 300
    assert meter.look()["memory"] == 700 and meter.exact_looks == 1
    meter.mapped_now["f"] = meter.mapped_now["g"] = 300
    assert meter.look()["memory"] == 300 and meter.exact_looks == 2


def test_what_ends_hides_no_growth(meter):
    del meter.mapped_now["a"], meter.mapped_now["b"]
    meter.mapped_now["c"], meter.really = 1200, 1200
    assert meter.look()["memory"] == 1200


def test_a_number_that_is_given_again_is_another_process(meter):
    meter.mapped_now = dict.fromkeys("efgh", 300)
    meter.really = 1200
    assert meter.look()["memory"] == 1200


def test_after_a_while_it_is_measured_in_any_case(meter):
    meter.really = 1200  # in the place of what was shared
    assert meter.look()["memory"] == 300
    meter.next = 0.0
    assert meter.look()["memory"] == 1200
