import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.rates.rating import ANY_TIME, SECONDS_PER_DAY, TimeProfile, Window, covers_week
from talktime.core.rates.time_profiles import complement, parse_profile, profile_key, profiles_named
from talktime.core.values.errors import Invalid

HOUR = 3_600
MON, TUE, FRI, SAT, SUN = 0, 1, 4, 5, 6


def test_working_hours_are_a_window_on_each_day() -> None:
    profile = parse_profile("peak=Mon-Fri 08:00-18:00; Sat 09:00-12:30")

    assert profile.name == "peak"
    assert profile.windows[0] == Window(MON, 8 * HOUR, 18 * HOUR)
    assert profile.windows[5] == Window(SAT, 9 * HOUR, 12 * HOUR + 1_800)
    assert len(profile.windows) == 6


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("Sun", [Window(SUN, 0, SECONDS_PER_DAY)]),
        ("Sunday 0:00-24:00", [Window(SUN, 0, SECONDS_PER_DAY)]),
        ("Sat-Mon 10:00-11:00", [Window(day, 10 * HOUR, 11 * HOUR) for day in (MON, SAT, SUN)]),
        ("mon, tue 10:00 - 11:00", [Window(day, 10 * HOUR, 11 * HOUR) for day in (MON, TUE)]),
        ("Fri 22:00-06:00", [Window(FRI, 22 * HOUR, SECONDS_PER_DAY), Window(SAT, 0, 6 * HOUR)]),
        ("Sun 22:00-06:00", [Window(MON, 0, 6 * HOUR), Window(SUN, 22 * HOUR, SECONDS_PER_DAY)]),
        ("Fri 22:00-00:00", [Window(FRI, 22 * HOUR, SECONDS_PER_DAY)]),
        ("Mon 08:00-12:00; Mon 12:00-18:00", [Window(MON, 8 * HOUR, 18 * HOUR)]),
        ("daily", [Window(day, 0, SECONDS_PER_DAY) for day in range(7)]),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, windows: list[Window]) -> None:
    assert parse_profile(text).windows == tuple(windows)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "peak=",
        "peak",
        "Mon-Fri 8-18",
        "Mon-Wed-Fri 08:00-18:00",
        "Mon 08:00-08:00",
        "Mon 25:00-26:00",
        "Mon 24:00-06:00",
        "Mon 08:60-09:00",
        "Mon 08:00-18:00; Mon 17:00-19:00",
        "08:00-18:00",
    ],
)
def test_hours_that_mean_nothing_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match=r"Mon-Fri 08:00-18:00|twice"):
        parse_profile(text)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 23), st.integers(1, 24)), min_size=1, max_size=8).map(
        lambda hours: [(day, first, last) for day, first, last in hours if first < last]
    )
)
def test_a_profile_and_its_complement_make_up_the_week(hours: list[tuple[int, int, int]]) -> None:
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    statement = "; ".join(f"{days[day]} {first:02}:00-{last:02}:00" for day, first, last in hours)
    try:
        peak = parse_profile(statement)
        off_peak = complement(peak, "offpeak")
    except Invalid:
        return

    assert covers_week((peak, off_peak))


def test_a_profile_of_the_whole_week_has_no_complement() -> None:
    with pytest.raises(Invalid, match="leaves no hours for 'offpeak'"):
        complement(parse_profile("peak=daily"), "offpeak")


@pytest.mark.parametrize(
    ("name", "key"),
    [("Off-Peak", "offpeak"), ("off_peak", "offpeak"), ("Non Peak", "offpeak"), ("Peak ", "peak"), ("Flat", "")]
    + [(name, "") for name in ("", "any", "ALL", "24x7", "24/7", "any time")],
)
def test_names_of_profiles_are_compared_without_their_decoration(name: str, key: str) -> None:
    assert profile_key(name) == key


def test_off_peak_is_what_peak_leaves() -> None:
    peak = parse_profile("peak=Mon-Fri 08:00-18:00")

    profiles = profiles_named({"peak", "offpeak", ""}, {"peak": peak})

    assert covers_week((profiles["peak"], profiles["offpeak"]))
    assert profiles[""] == ANY_TIME


def test_off_peak_that_is_stated_is_what_was_stated() -> None:
    stated = {text.partition("=")[0]: parse_profile(text) for text in ("peak=Mon", "Off-Peak=Tue-Sun")}

    assert profiles_named({"peak", "offpeak"}, stated)["offpeak"].windows[0].weekday == TUE


def test_a_lone_name_means_any_time_unless_its_hours_are_stated() -> None:
    peak = parse_profile("peak=Mon")

    assert profiles_named({"peak"}, {}) == {"peak": ANY_TIME}
    assert profiles_named({"peak"}, {"peak": peak}) == {"peak": peak}


def test_names_without_hours_are_refused_saying_how_to_state_them() -> None:
    with pytest.raises(Invalid, match=r"'peak', which has no hours: state its hours: --profile 'peak="):
        profiles_named({"peak", ""}, {})


def test_hours_without_a_name_are_refused_rather_than_forgotten() -> None:
    with pytest.raises(Invalid, match="no name"):
        profiles_named({"peak"}, {"": TimeProfile("", (Window(MON, 0, HOUR),))})
