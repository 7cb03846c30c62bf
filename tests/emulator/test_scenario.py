"""Scenario files are read whole or refused with one line that names the place."""

from pathlib import Path

import pytest

from emulator import Emulator, Fault, Scenario, ScenarioError
from emulator.audio import write_wav

GOOD = """
name = "mine"
[clips]
talk = "talk.wav"
[[entry]]
id = "a"
source = "ask not"
target = "묻지 마십시오"
source_language = "en"
target_language = "ko"
audio = "a.wav"
heard = { clip = "talk", from = 0.0, to = 0.5 }
variant = { audio_speed = 1.0 }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a clip of one second and a spoken target."""
    write_wav(tmp_path / "talk.wav", b"\1\2" * 16_000, 16_000)
    write_wav(tmp_path / "a.wav", b"\1\2" * 2400, 24_000)
    return tmp_path


def load(folder: Path, text: str) -> Scenario:
    """The text as a scenario file, read."""
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return Scenario.load(folder / "mine.toml")


def test_a_leak_may_be_bound_to_an_entry(folder: Path) -> None:
    """Before what is said is known as a whole, alone of all faults."""
    leak = '{ name = "leak", moment = "during", lasting_ms = 500 }'
    (fault,) = load(folder, f"{GOOD}faults = [{leak}]").faults
    assert (fault.name, fault.entry, fault.lasting_ms) == ("leak", "a", 500)


def test_good(folder: Path) -> None:
    """All fields are read."""
    scenario = load(folder, GOOD)
    (entry,) = scenario.entries
    assert scenario.name == "mine"
    assert scenario.clips["talk"].duration_secs == 1
    assert entry.heard is not None
    assert (entry.heard.from_secs, entry.heard.to_secs) == (0.0, 0.5)
    assert entry.variant == {"audio_speed": 1.0}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("source =", "sorce =", "entry 1 (a): unknown field 'sorce'; did you mean 'source'?"),
        ("[clips]", "[clip]", "unknown field 'clip'; did you mean 'clips'?"),
        ('clip = "talk"', 'clip = "tolk"', "heard.clip: no clip of the name 'tolk'; did you mean 'talk'?"),
        ("to = 0.5", "to = 1.5", "expected 0 <= from < to <= 1.000"),
        ("to = 0.5", 'to = "x"', "heard.to: expected a number of seconds, got 'x'"),
        ("to = 0.5", "to = 0.5, onset = 0.6", "expected from <= onset < end <= to"),
        ('id = "a"', "id = 5", "entry 1: id: expected a text, got 5"),
        ('target = "묻지 마십시오"', "", "target: expected a text, but it is missing"),
        ('audio = "a.wav"', 'audio = "b.wav"', "there is no such file; did you mean 'a.wav'?"),
        ('audio = "a.wav"', 'audio = "talk.wav"', "audio: expected 24000 Hz, got 16000 Hz"),
        ('audio = "a.wav"', 'audio = "mine.toml"', "expected a PCM WAV file"),
        ("audio_speed", "audio_sped", "variant: unknown field 'audio_sped'; did you mean 'audio_speed'?"),
        ("audio_speed = 1.0", "audio_speed = 0", "variant.audio_speed: "),
        ("[[entry]]", "[entry]", "expected at least one [[entry]]"),
        ("[clips]", "[clips", "not a TOML file"),
    ],
)
def test_mistakes(folder: Path, old: str, new: str, expected: str) -> None:
    """Each mistake is one line with the file, the place and what would have been right."""
    with pytest.raises(ScenarioError) as refused:
        load(folder, GOOD.replace(old, new, 1))
    assert expected in str(refused.value)
    assert "mine.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


FAULTS = """
faults = [{ name = "zero_audio", moment = "after", times = 2 }]
[[fault]]
name = "reset"
moment = "during"
at_ms = 500
[[fault]]
name = "mute"
moment = "idle"
entry = "a"
"""


def test_faults(folder: Path) -> None:
    """Faults of the file and of its entries are read; those of an entry are bound to it."""
    scenario = load(folder, GOOD + FAULTS)
    of_entry = Fault(name="zero_audio", moment="after", times=2, entry="a")
    assert scenario.entries[0].faults == (of_entry,)
    assert scenario.faults == (
        Fault(name="reset", moment="during", at_ms=500),
        Fault(name="mute", moment="idle", entry="a"),
        of_entry,
    )
    assert Emulator(scenario=scenario).faults == list(scenario.faults)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"reset"', '"rest"', "fault 1: unknown name 'rest'; did you mean 'reset'?"),
        ('"during"', '"idel"', "fault 1: unknown moment 'idel'; did you mean 'idle'?"),
        ("at_ms", "delay_ms", "fault 1: reset takes no 'delay_ms'; it takes: none"),
        ('entry = "a"', 'entry = "b"', "fault 2: entry: no entry of the id 'b'"),
        (
            "times = 2",
            "times = 0",
            "entry 1 (a): faults 1: times: Input should be greater than or equal to 1, got 0",
        ),
        ("times = 2", 'entry = "a"', "entry 1 (a): faults 1: a fault of an entry takes no 'entry'; leave it out"),
        ('moment = "after"', 'moment = "during"', "entry 1 (a): faults 1: zero_audio cannot strike at 'during'"),
        (
            '[{ name = "zero_audio", moment = "after", times = 2 }]',
            "[1]",
            "entry 1 (a): faults 1: expected a table",
        ),
        (
            '[{ name = "zero_audio", moment = "after", times = 2 }]',
            "1",
            "entry 1 (a): faults: expected a list of tables",
        ),
        ("[[fault]]", "[fault]", "fault: expected a list of tables"),
        ("[[fault]]", "[[faults]]", "unknown field 'faults'; did you mean 'fault'?"),
    ],
)
def test_mistakes_in_faults(folder: Path, old: str, new: str, expected: str) -> None:
    """Each is one line with the file, the place and what would have been right."""
    text = FAULTS.split('[[fault]]\nname = "mute"')[0] if new == "[fault]" else FAULTS
    with pytest.raises(ScenarioError) as refused:
        load(folder, GOOD + text.replace(old, new, -1 if "[[" in old else 1))
    assert expected in str(refused.value)
    assert "mine.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_entries_together(folder: Path) -> None:
    """Ids are unique, and entries of a clip do not overlap."""
    entry = GOOD[GOOD.index("[[entry]]") :]
    with pytest.raises(ScenarioError, match="id 'a' is used twice"):
        load(folder, GOOD + entry)
    with pytest.raises(ScenarioError, match="'a' and 'b' overlap in clip 'talk'"):
        load(folder, GOOD + entry.replace('id = "a"', 'id = "b"'))


def test_names() -> None:
    """An unknown name gets the built-in ones."""
    with pytest.raises(ScenarioError, match="did you mean 'samples'"):
        Scenario.load("sample")


def test_samples_cover_their_clips(samples: Scenario) -> None:
    """The built-in entries of a clip are adjacent and cover all of it."""
    for clip in samples.clips.values():
        heard = sorted(
            (entry.heard.from_secs, entry.heard.to_secs)
            for entry in samples.entries
            if entry.heard and entry.heard.clip == clip.name
        )
        assert heard[0][0] == 0
        assert heard[-1][1] == pytest.approx(clip.duration_secs, abs=0.01)
        assert [end for _, end in heard[:-1]] == [begin for begin, _ in heard[1:]]


def test_samples_have_every_word_of_the_readme(samples: Scenario) -> None:
    """The entries of a clip, put together, are the words that samples/README.md gives for it."""
    readme = (Path(__file__).parents[2] / "samples" / "README.md").read_text(encoding="utf-8")
    for name in samples.clips:
        words = [entry.source for entry in samples.entries if entry.heard and entry.heard.clip == name]
        assert " ".join(words) in readme


def test_samples_stay_small(samples: Scenario) -> None:
    """The spoken targets are under 3 MB, and there is something for unknown speech."""
    assert sum(len(entry.audio) for entry in samples.entries) < 3_000_000
    assert len([entry for entry in samples.entries if entry.heard is None]) >= 6
