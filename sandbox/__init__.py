"""Development only, never packed: a WeChat on this machine and, around it, the local stack.

`sandbox.clock` is the time that the whole local stack shares. `sandbox.wechat` is the platform's side of every
conversation that the shop has with WeChat. Neither imports the shop's code, so that a mistake there cannot cancel
itself out here.
"""
