from pathlib import Path

import pytest

from talktime.bootstrap import open_switches
from talktime.core.values.errors import Invalid
from talktime.gateways.switches.asterisk import AsteriskSwitch
from talktime.gateways.switches.http import HttpSwitch
from talktime.gateways.switches.kamailio import KamailioSwitch
from talktime.settings import Settings, settings_from

ALL_KINDS = """
[kamailio-1]
kind = "kamailio"
url = "http://operator:hunter2@127.0.0.1:5061/RPC?key=hunter2"

["pbx of the 2nd floor"]
kind = "asterisk"
host = "127.0.0.1"
user = "talktime"
secret = "hunter2"

[gateway]
kind = "http"
url = "https://gateway.example/hangup"
token = "hunter2"
"""


def read(tmp_path: Path, text: str) -> dict[str, tuple[str, str]]:
    file = tmp_path / "told.toml"
    file.write_text(text, "utf-8")
    known = open_switches(settings_from({"TALKTIME_SWITCHES": str(file)}))
    return {name: (each.kind, each.address) for name, each in known.items()}


def test_each_kind_of_switch_is_read_and_shown_without_its_secrets(tmp_path: Path) -> None:
    assert read(tmp_path, ALL_KINDS) == {
        "kamailio-1": ("kamailio", "http://127.0.0.1:5061/RPC"),
        "pbx of the 2nd floor": ("asterisk", "127.0.0.1:5038"),
        "gateway": ("http", "https://gateway.example/hangup"),
    }


def test_a_file_in_the_data_folder_is_read_and_no_secret_stands_in_what_it_gives(tmp_path: Path) -> None:
    (tmp_path / "switches.toml").write_text(ALL_KINDS, "utf-8")

    known = open_switches(Settings(data_folder=tmp_path))

    kinds = [type(each.control) for each in known.values()]
    assert kinds == [KamailioSwitch, AsteriskSwitch, HttpSwitch]
    assert "hunter2" not in repr(known)


def test_without_a_file_no_switch_is_known(tmp_path: Path) -> None:
    assert open_switches(Settings(data_folder=tmp_path)) == {}


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="which is not there"):
        open_switches(Settings(switches=str(tmp_path / "gone.toml")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a", "cannot be read"),
        ('[a]\nkind = "freeswitch"', "'a'.*freeswitch"),
        ('[a]\nkind = "kamailio"', "'a'.*url"),
        ('[a]\nkind = "kamailio"\nurl = "unix:/run/k"', "'a'.*http://"),
        ('[a]\nkind = "kamailio"\nurl = "http://x/RPC"\nport = 1', "'a'.*port"),
        ('[a]\nkind = "asterisk"\nhost = "x"\nuser = "u"\nsecret = "s"\nport = 70000', "'a'.*no port 70000"),
        ('[a]\nkind = "asterisk"\nhost = "x"\nuser = "u"\nsecret = "s\\r\\nAction: Originate"', "'a'.*printable"),
        ('[a]\nkind = "http"\nurl = "http://x"\ntoken = "s\\nX-Evil: 1"', "'a'.*printable"),
        ("a = 1", "'a'"),
    ],
)
def test_what_is_wrong_with_the_file_is_said_with_the_name_of_the_switch(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(tmp_path, text)


def test_a_secret_of_the_wrong_kind_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as failure:
        read(tmp_path, '[a]\nkind = "asterisk"\nhost = "x"\nuser = "u"\nsecret = 8675309')

    assert "8675309" not in str(failure.value)
