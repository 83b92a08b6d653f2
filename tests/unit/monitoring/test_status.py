from stream.monitoring.status import ages_by_stage
from stream.runtime.clock import SystemClock
from stream.runtime.stage_times import StageTimes


def test_ages_are_told_by_stage_and_durations_are_not_among_them() -> None:
    times = StageTimes(SystemClock())
    times.add("network", 0.015)
    for age_s in (0.02, 0.02, 0.09):
        times.add("age_published", age_s)
    ages = ages_by_stage(times)
    assert list(ages) == ["published"]
    assert 18 < ages["published"]["p50"] < 23
    assert 80 < ages["published"]["p99"] < 100
