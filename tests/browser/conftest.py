"""One chromium for the browser tests, and pages served from loopback with every request watched."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's chromium: nothing is downloaded."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "the browser tests need chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield chromium
        chromium.close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on a free port of loopback and return its address."""
    servers = []

    def start(folder: Path) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Watched:
    """A page and everything that it did."""

    page: Page
    own: str
    strange: list[str] = field(default_factory=list)  # requests to any other origin; each is refused
    said: list[str] = field(default_factory=list)  # console messages: policy violations, errors

    def fired(self) -> list[str]:
        """Return the canaries that ran."""
        return list(self.page.evaluate("window.fired"))

    def see(self, request: Request) -> None:
        if not request.url.startswith((self.own, "data:", "about:")):
            self.strange.append(request.url)


@pytest.fixture
def watch(browser: Browser) -> Callable[..., object]:
    """Open a page with its network watched: `with watch(address, width=360) as watched`."""

    @contextmanager
    def opened(
        address: str, *, width: int = 1280, scheme: str = "light", keeps_policy: bool = True, own: str = ""
    ) -> Iterator[Watched]:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            bypass_csp=not keeps_policy,
            reduced_motion="reduce",
        )
        page = context.new_page()
        watched = Watched(page, own or address[: address.index("/", 8) + 1])

        def route(one: Route) -> None:
            if one.request.url.startswith(watched.own):
                one.continue_()
            else:
                one.abort()

        page.on("request", watched.see)
        page.on("console", lambda message: watched.said.append(message.text))
        page.on("pageerror", lambda error: watched.said.append(str(error)))
        page.add_init_script("window.fired = []; window.pwn = (name) => window.fired.push(String(name));")
        page.route("**/*", route)
        page.goto(address)
        yield watched
        context.close()

    return opened
