"""What other threads say is served in the order in which it came, with turns for everything else between."""

from __future__ import annotations

import threading

import pytest
from PyQt5.QtCore import QEventLoop, QObject, QTimer

from app.jobs import mail as mail_module
from app.jobs.mail import Letterbox, Mail


@pytest.fixture
def mail(qapp, monkeypatch):
    monkeypatch.setattr(mail_module, "TURN_S", 0.0)  # one in each turn
    owner = QObject()
    yield Mail(owner)
    owner.deleteLater()


def say(*calls) -> None:
    """Call these in another thread."""
    thread = threading.Thread(target=lambda: [call() for call in calls])
    thread.start()
    thread.join()


def test_all_of_it_comes_in_order_whichever_letterbox_it_was_put_in(qtbot, mail):
    heard = []
    numbers, words = Letterbox(mail, heard.append), Letterbox(mail, lambda word: heard.append(word.upper()))
    say(lambda: numbers.emit(1), lambda: words.emit("a"), lambda: numbers.emit(2))
    assert heard == [], "not in that thread"
    qtbot.waitUntil(lambda: len(heard) == 3)
    say(lambda: words.emit("b"))
    qtbot.waitUntil(lambda: heard == [1, "A", 2, "B"])


def test_timers_have_their_turn_between(qtbot, mail):
    heard = []
    box = Letterbox(mail, heard.append)
    QTimer.singleShot(0, lambda: heard.append("timer"))
    say(*[lambda: box.emit("line")] * 200)
    qtbot.waitUntil(lambda: len(heard) == 201)
    assert heard.index("timer") < 100, "Qt would deliver all signals first"


def test_what_waits_is_served_although_a_receiver_waits_in_a_dialog(qtbot, mail):
    heard = []
    loop = QEventLoop()

    def receive(word):
        heard.append(word)
        if word == "ask":
            loop.exec_()
            heard.append("answered")
        elif word == "answer":
            loop.quit()

    box = Letterbox(mail, receive)
    say(*[lambda word=word: box.emit(word) for word in ("ask", "other", "answer", "last")])
    qtbot.waitUntil(lambda: heard == ["ask", "other", "answer", "answered", "last"])


@pytest.mark.qt_no_exception_capture
def test_a_receiver_that_fails_holds_up_nobody(qtbot, mail, monkeypatch):
    monkeypatch.setattr("sys.excepthook", lambda *_what: heard.append("failed"))
    heard = []

    def receive(word):
        if word == "bad":
            raise ValueError(word)
        heard.append(word)

    box = Letterbox(mail, receive)
    say(lambda: box.emit("bad"), lambda: box.emit("good"))
    qtbot.waitUntil(lambda: heard == ["failed", "good"])
