"""The addresses of an account's pages. https://fastapi.tiangolo.com"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import Response

from app.auth.accounts.service import Accounts
from app.web.account import log_in, recovering, registering, settings
from app.web.account.visit import OtherWays, Visit, WaysAgain, no_other_ways, no_ways_again
from app.web.opened import Opened
from app.web.site import Site

View = Callable[[Visit], Awaitable[Response]]
ADDRESSES: Final[tuple[tuple[str, View | None, View | None], ...]] = (
    ("/register", registering.show_register, registering.register),
    ("/register/sent", registering.show_sent, None),
    ("/verify/{ticket}", registering.show_verify, registering.verify),
    ("/login", log_in.show_log_in, log_in.log_in),
    ("/login/passkey/options", None, log_in.passkey_options),
    ("/login/passkey", None, log_in.log_in_with_passkey),
    ("/login/second-factor", log_in.show_second_factor, log_in.second_factor),
    ("/login/set-up", log_in.show_set_up, log_in.set_up),
    ("/login/set-up/passkey/options", None, log_in.set_up_options),
    ("/login/set-up/passkey", None, log_in.set_up_passkey),
    ("/logout", None, log_in.log_out),
    ("/recover", recovering.show_recover, recovering.recover),
    ("/recover/sent", recovering.show_sent, None),
    ("/recover/{ticket}", recovering.show_reset, recovering.reset),
    ("/account", settings.show_settings, None),
    ("/account/confirm", recovering.show_confirm, recovering.confirm),
    ("/account/confirm/passkey", None, recovering.confirm_with_passkey),
    ("/account/record", registering.show_record, registering.start),
    ("/account/record/link", None, registering.link),
    ("/account/password", settings.show_password, settings.password),
    ("/account/email", settings.show_email, settings.email),
    ("/account/email/{ticket}", settings.show_new_email, settings.new_email),
    ("/account/totp", settings.show_totp, settings.totp),
    ("/account/totp/remove", None, settings.remove_totp),
    ("/account/passkeys", settings.show_passkeys, settings.add_passkey),
    ("/account/passkeys/options", None, settings.passkey_options),
    ("/account/passkeys/remove", None, settings.remove_passkey),
    ("/account/codes", settings.show_codes, settings.codes),
    ("/account/codes-left", settings.show_codes_left, None),
    ("/account/sessions/end", None, settings.end_other_sessions),
    ("/account/language", None, settings.language),
)
"""Each address with what GET shows there and what POST does."""


def add_account_pages(
    application: FastAPI,
    site: Opened[Site],
    accounts: Opened[Accounts],
    *,
    other_ways: OtherWays = no_other_ways,
    ways_again: WaysAgain = no_ways_again,
) -> None:
    """Add the pages; ``other_ways``: to log in, which the log-in page offers beside its own; ``ways_again``: to prove
    once more who one is.
    """

    def view(act: View) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            here = site()
            return await act(Visit(here, request, await here.visitor(request), accounts(), other_ways, ways_again))

        return answer

    for address, show, do in ADDRESSES:
        if show is not None:
            application.add_api_route(address, view(show), methods=["GET", "HEAD"], response_model=None)
        if do is not None:
            application.add_api_route(address, view(do), methods=["POST"], response_model=None)
