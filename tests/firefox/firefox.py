"""One Firefox, driven by a Node process that speaks WebDriver BiDi with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tests.firefox.namespaces import Namespace

HERE = Path(__file__).parent
WAIT_S = 25  # for what must come; long, for the machine may be busy
STOP_TIMEOUT_S = 15
POLL_S = 0.05
PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    # Nobody resolves the mDNS names that would stand for the address.
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,
    # Pages in the back are tested too.
    "dom.timeout.enable_budget_timer_throttling": False,
    "dom.min_background_timeout_value": 4,
}


class Firefox:
    """Its pages, and what they complained about."""

    def __init__(self, driver: subprocess.Popen[str]) -> None:
        self._driver = driver

    def ask(self, action: str, **parameters: Any) -> Any:
        """The driver's answer to one action.

        Raises:
            AssertionError: the action failed, in the words of Firefox or the page.
        """
        assert self._driver.stdin is not None
        self._driver.stdin.write(json.dumps({"action": action, **parameters}) + "\n")
        self._driver.stdin.flush()
        return self._read()

    def wait_until_started(self) -> str:
        """Firefox's version, as "firefox/153.0"."""
        return str(self._read())

    def open(self, url: str, width: int = 0, height: int = 0) -> Page:
        number = self.ask("open", url=url, width=width, height=height)
        return Page(self, int(number))

    def complaints(self) -> list[str]:
        """Uncaught errors and console errors of all pages since the last time."""
        said: list[str] = self.ask("complaints")
        return said

    def _read(self) -> Any:
        assert self._driver.stdout is not None
        line = self._driver.stdout.readline()
        assert line, "the driver of Firefox ended"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["result"]


class Page:
    """One tab."""

    def __init__(self, firefox: Firefox, number: int) -> None:
        self._firefox = firefox
        self._number = number
        self._open = True

    def evaluate(self, source: str, *arguments: Any) -> Any:
        """What the JavaScript function `source` gives, awaited when a promise."""
        return self._firefox.ask(
            "evaluate", page=self._number, source=source, args=arguments
        )

    def wait_for(self, source: str, *arguments: Any) -> Any:
        """The first true thing that the JavaScript function `source` gives.

        Asked from here, so that no throttling of tabs in the back delays it.
        """
        deadline = time.monotonic() + WAIT_S
        while not (answer := self.evaluate(source, *arguments)):
            if time.monotonic() > deadline:
                said = self.evaluate("() => [window.calls, window.failures]")
                raise AssertionError(f"{source} {arguments} never came: {said}")
            time.sleep(POLL_S)
        return answer

    def click(self, selector: str) -> None:
        """Clicked in the front tab, as by a person."""
        self._firefox.ask("click", page=self._number, selector=selector)

    def screenshot(self, path: Path) -> None:
        self._firefox.ask("screenshot", page=self._number, path=str(path))

    def close(self) -> None:
        if self._open:
            self._open = False
            self._firefox.ask("close", page=self._number)


@contextmanager
def running_firefox(
    namespace: Namespace, log_path: Path, **preferences: bool | int | str
) -> Iterator[Firefox]:
    """A headless Firefox inside `namespace`, with a profile of its own."""
    executable = os.environ.get("FIREFOX") or shutil.which("firefox-esr")
    assert executable, "no firefox-esr: run tests/setup.sh"
    with TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as home:
        profile = Path(home) / "profile"
        profile.mkdir()
        settings = {
            "executable": executable,
            "profile": str(profile),
            "preferences": PREFERENCES | preferences,
        }
        with namespace.entered(), log_path.open("ab") as log:
            driver = subprocess.Popen(
                ["node", "driver.mjs", json.dumps(settings)],
                cwd=HERE,
                # What Firefox keeps outside of its profile goes away with it too.
                env={**os.environ, "HOME": home, "TMPDIR": home},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            firefox = Firefox(driver)
            firefox.wait_until_started()
            yield firefox
        finally:
            _end(driver)


def _end(driver: subprocess.Popen[str]) -> None:
    """The driver, its Firefox and that one's processes are gone."""
    family = [psutil.Process(driver.pid)] if driver.poll() is None else []
    for process in list(family):
        family += process.children(recursive=True)
    assert driver.stdin is not None
    with suppress(OSError):
        driver.stdin.close()
    psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    driver.wait()
    if driver.stdout is not None:
        driver.stdout.close()
