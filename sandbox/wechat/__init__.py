"""A WeChat for development: a strict peer that speaks the official wire formats, and misbehaves when told to.

It stands for api.weixin.qq.com (login, tokens, phone numbers, subscribe messages, content checks, mini-program codes,
order shipping) and api.mch.weixin.qq.com (Pay V3: prepay, query, close, refunds, bills, callbacks), and besides WeChat
for kuaidi100, which knows where parcels are: all on one port.
`control.py` documents /_sandbox/, where one acts as the shopper and looks at what was received; `faults.py` documents
what can go wrong. Run it with `python -m sandbox.wechat`, or in a test:

    with SandboxWeChat(make_credentials(directory)) as wechat, running(wechat.wsgi_app) as base_url: ...
"""

from sandbox.wechat.credentials import Credentials, make_credentials
from sandbox.wechat.http import running
from sandbox.wechat.server import SandboxWeChat
from sandbox.wechat.state import State
from sandbox.wechat.world import Settings

__all__ = ["Credentials", "SandboxWeChat", "Settings", "State", "make_credentials", "running"]
