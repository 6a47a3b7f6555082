from config import metrics
from config.metrics import Counter, Histogram


def test_a_counter_is_shown_with_its_labels_escaped():
    counted = Counter("x_total", "What.", ("to",))
    counted.add('a"b\\c\nd')
    counted.add('a"b\\c\nd', by=2)
    assert list(counted.lines()) == ["# HELP x_total What.", "# TYPE x_total counter", 'x_total{to="a\\"b\\\\c\\nd"} 3']


def test_a_histogram_counts_what_is_below_each_bucket():
    timed = Histogram("x_seconds", "How long.", ("to",))
    for seconds in (0.01, 0.07, 3, 1e9):
        timed.observe(seconds, "a")
    lines = list(timed.lines())
    assert 'x_seconds_bucket{to="a",le="0.05"} 1' in lines
    assert 'x_seconds_bucket{to="a",le="0.1"} 2' in lines
    assert 'x_seconds_bucket{to="a",le="+Inf"} 4' in lines
    assert lines[-1] == 'x_seconds_count{to="a"} 4'


def test_labels_from_outside_make_no_end_of_series():
    counted = Counter("x_total", "What.", ("how", "to"))
    for number in range(10 * metrics.MAX_SERIES):
        counted.add("failed", f"d{number}.example")
    assert len(counted.values) == metrics.MAX_SERIES + 1
    assert counted.values["failed", metrics.OTHER] == 9 * metrics.MAX_SERIES
