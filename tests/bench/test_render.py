"""Tables: what is met, missed, noisy; documents are replaced between their marks."""

import json

import pytest

from bench import render
from bench.figures import Board, Measure

RATE = Measure("smtp/rate", "a rate", "msg/s", bars={"peer": 2})


def report(ours: list[float], peer: list[float]) -> render.Report:
    """Make a report of one measure."""
    board = Board()
    for value in ours:
        board.add(RATE, "diwan", value)
    for value in peer:
        board.add(RATE, "peer", value)
    return render.Report("2026-01-01", "2 cores", ("Diwan 1", "Peer 2"), "TLS", 60.0, 0.02, board, "diwan")


def test_a_missed_bar_is_said_in_the_table_and_in_the_summary() -> None:
    part = render.markdown(report([300], [200]), "smtp")
    assert "| a rate | 300 msg/s | 200 msg/s | peer | x1.50 | >= 2 |  | ahead, bar missed |" in part
    assert "- 0 of 1 bars met.\n- Ahead, bar missed: a rate (x1.50 of peer)." in part


def test_being_behind_the_peer_stands_out() -> None:
    part = render.markdown(report([150], [200]), "smtp")
    assert "BEHIND" in part
    assert "- Behind, bar missed: a rate (x0.75 of peer)." in part


@pytest.mark.parametrize(("ours", "said"), [(1000, "bar and aim met"), (500, "bar met, aim missed"), (300, "ahead, bar missed")])
def test_the_aim_is_judged_beside_the_bar(ours: float, said: str) -> None:
    board = Board()
    aimed = Measure("imap/rate", "a rate", "per s", bars={"peer": 2}, aims={"peer": 4})
    board.add(aimed, "diwan", ours)
    board.add(aimed, "peer", 200)
    whole = render.Report("2026-01-01", "2 cores", (), "", 60.0, 0.02, board, "diwan")
    part = render.markdown(render.parts(whole)["imap"], "imap")
    assert f"| >= 2 | >= 4 | {said} |" in part
    assert f"{int(ours >= 400)} of 1 bars, {int(ours >= 800)} of 1 aims met." in part


def test_noise_is_flagged_beside_the_verdict() -> None:
    assert "met, noisy (spread 75%)" in render.text(report([400, 700, 400], [200]))


def test_a_run_that_others_disturbed_says_so() -> None:
    assert "TOO MUCH" in render.disturbance(0.3)
    assert "TOO MUCH" not in render.disturbance(0.05)


@pytest.mark.parametrize(("value", "shown"), [(1234567.8, "1,234,568"), (12.34, "12.3"), (0.456, "0.46")])
def test_numbers_have_about_three_digits(value: float, shown: str) -> None:
    assert render.number(value) == shown


def test_a_document_keeps_what_is_around_the_marks() -> None:
    old = f"# Title\n\nbefore\n\n{render.BEGIN.format('smtp')}\nold\n{render.END.format('smtp')}\n\nafter\n"
    part = render.markdown(report([400], [200]), "smtp")
    new = render.replaced(old, part, "smtp")
    assert new == f"# Title\n\nbefore\n\n{part}\n\nafter\n"
    assert render.replaced(new, part, "smtp") == new


def test_a_document_without_marks_gets_the_part_at_its_end() -> None:
    part = render.markdown(report([400], [200]), "smtp")
    assert render.replaced("# Title\n", part, "smtp") == f"# Title\n\n{part}\n"


def test_json_holds_every_round() -> None:
    plain = json.loads(json.dumps(render.as_dict(report([400, 500], [200]))))
    assert plain["rows"][0]["ours"] == [400, 500]
    assert plain["rows"][0]["met"] is True


def test_figures_of_the_directory_stand_apart_and_leave_the_others_alone() -> None:
    both = report([400], [200])
    both.board.add(Measure("directory/search", "search", "ms", "lower", {"asked": 1}), "diwan", 5)
    both.board.add(Measure("directory/search", "search", "ms", "lower", {"asked": 1}), "asked", 25)
    parts = render.parts(both)
    assert list(parts) == ["smtp", "directory"]
    assert "| search |" not in render.markdown(parts["smtp"], "smtp")
    old = f"{render.markdown(parts['smtp'], 'smtp')}\n\n{render.BEGIN.format('directory')}\n{render.END.format('directory')}\n"
    new = render.replaced(old, render.markdown(parts["directory"], "directory"), "directory")
    assert "| a rate |" in new
    assert "| search | 5.00 ms | 25.0 ms | asked | x0.20 | <= 1 |  | met |" in new
