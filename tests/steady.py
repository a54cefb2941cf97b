"""A test that fails is a failed test and never the end of the run; what ends a run all the same is told last, where a
log of which only the end is kept still has it.

https://docs.pytest.org/en/stable/reference/reference.html#hooks
"""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Generator
from typing import Any, Final

import pytest

LONGEST: Final = 16
"""How many lines are told of what ended a run: the last ones, which say the most."""
_HANDED_OVER: Final = "what ended it"
"""Under this name a worker sends it with the last that it says."""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Cause(config))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure is shown with its source, for which that is parsed. CPython before 3.11.8 cannot bear that another
    source is parsed in the middle of it, which happens when the collector comes round there to something that
    complains as it goes: a traceback is written, whose lines are parsed too.
    https://github.com/python/cpython/issues/106905
    """
    resting = call.excinfo is not None and gc.isenabled()
    if resting:
        gc.disable()
    try:
        return (yield)
    finally:
        if resting:
            gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any], dict[str, Any]]:
    """A worker can send what UTF-8 can say: half of a character that was logged is sent as its number."""
    sent: dict[str, Any] = said((yield))
    return sent


def said(value: Any) -> Any:
    """The same, of which every text can be sent."""
    match value:
        case str():
            return value if value.isascii() else value.encode(errors="backslashreplace").decode()
        case dict():
            return {said(key): said(each) for key, each in value.items()}
        case list() | tuple():
            return type(value)(said(each) for each in value)
        case _:
            return value


class Cause:
    """What ended the run first, in this process or in a worker."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._lines: list[str] = []
        self._of_worker = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if self._lines:
            return
        error = excinfo.value
        while (before := error.__cause__ or error.__context__) is not None:
            error = before
        lines = "".join(traceback.format_exception(error)).splitlines()
        self._lines = [f"{os.environ.get('PYTEST_CURRENT_TEST', 'between tests')}:", *lines[-LONGEST:]]
        if hasattr(self._config, "workeroutput"):
            self._config.workeroutput[_HANDED_OVER] = said(self._lines)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended."""
        lines = getattr(node, "workeroutput", {}).get(_HANDED_OVER)
        if lines and not self._of_worker:
            self._lines, self._of_worker = [f"worker {node.gateway.id}, {lines[0]}", *lines[1:]], True

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """When it ends a worker with its last test, pytest-xdist has nothing left to do, and no failure."""
        if self._lines and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if self._lines and reporter is not None and not hasattr(self._config, "workerinput"):
            reporter.write_sep("=", "what ended the run")
            for line in self._lines:
                reporter.write_line(line)
