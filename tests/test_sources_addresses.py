"""Network addresses as they may be shown: no user name, password or token is left in them."""

from __future__ import annotations

import pytest

from tracker_core.sources.addresses import hide_credentials, is_address, scheme_of


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://user:secret@host:554/s?x=1", "rtsp://host:554/s?x=1"),
        ("rtsp://user@host/s", "rtsp://host/s"),  # a name alone
        ("rtsp://user:se@cret@host/s", "rtsp://host/s"),  # FFmpeg too takes the last @ before the path
        ("rtsp://admin:se/cret@host/s", "rtsp://host/s"),  # / not escaped, the host would seem to be 'admin'
        ("rtsp://admin:se?cret#@host/s", "rtsp://host/s"),
        ("rtsp://us%3Aer:se%40cret@[2001:db8::1]:554/s", "rtsp://[2001:db8::1]:554/s"),
        ("http://host/v.cgi?user=admin&pwd=secret&channel=2", "http://host/v.cgi?user=***&pwd=***&channel=2"),
        ("http://host/v.mp4?X-Amz-Signature=secret&t=5", "http://host/v.mp4?X-Amz-Signature=***&t=5"),
        ("http://host/v.mp4?access_token=secret", "http://host/v.mp4?access_token=***"),
        ("http://host/v.mp4;jwt=secret?t=5", "http://host/v.mp4;jwt=***?t=5"),
        ("http://host/v.mp4#token=secret", "http://host/v.mp4#token=***"),
        ("rtsp://host:554/user=admin_password=secret_channel=1_stream=0.sdp",
         "rtsp://host:554/user=***_password=***_channel=1_stream=0.sdp"),
        ("rtsp://host:554/user=admin&password=se_cret&channel=1", "rtsp://host:554/user=***&password=***&channel=1"),
        ("srt://host:9000?passphrase=secret&mode=caller", "srt://host:9000?passphrase=***&mode=caller"),
        ("http://host?token=secret", "http://host?token=***"),
        # nothing to hide
        ("http://host/video@2x.mp4", "http://host/video@2x.mp4"),
        ("http://host:8080/a@b.mp4?frame=3", "http://host:8080/a@b.mp4?frame=3"),
        ("http://[::1]/a@b.mp4", "http://[::1]/a@b.mp4"),
        ("/home/me@work/user=1/clip.mp4", "/home/me@work/user=1/clip.mp4"),  # a path is not an address
        ("C:\\clips\\token=1.mp4", "C:\\clips\\token=1.mp4"),
        ("", ""),
    ],
)  # fmt: skip
def test_credentials_are_hidden(address: str, shown: str) -> None:
    assert hide_credentials(address) == shown
    assert hide_credentials(shown) == shown


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("rtsp://host/x", "rtsp"),
        ("HTTP://host/x", "http"),
        ("C://clips/a.mp4", ""),  # a drive
        ("C:/clips/a.mp4", ""),
        ("rtsp:clip.mp4", ""),  # a file of that name
        ("a/b://c", ""),
    ],
)
def test_what_is_an_address(text: str, scheme: str) -> None:
    assert is_address(text) == bool(scheme) and scheme_of(text) == scheme
