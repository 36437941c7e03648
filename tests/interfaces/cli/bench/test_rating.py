"""The lines of bulk rating: what they say, and that a figure of a wrong result is none."""

import pytest

from talktime.interfaces.cli.bench import rating
from talktime.interfaces.cli.bench.measuring.lines import Line

SMALL = rating.Extent(prefixes=500, calls=2_000, distinct=300, file_calls=1_000)


@pytest.mark.parametrize("measure", [rating.simple, rating.with_profiles])
def test_a_line_stands_next_to_the_scalar_core_and_the_rate_from_a_file(measure: rating.Measure) -> None:
    line: Line = measure(SMALL)

    assert line["name"].startswith("rating.bulk")
    assert line["baseline"]["value"] > 0
    assert line["ratio"] == round(line["value"] / line["baseline"]["value"], 2)
    assert min(line["one_core"], line["from_csv_file"], line["peak_mb"]) > 0
    assert line["load"]["equal_to_scalar"] == SMALL.distinct
