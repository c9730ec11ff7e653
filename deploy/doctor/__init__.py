"""`make doctor`: what of account, settings, stack and address is missing, one line each, and what to do about it.

    finding.py   a line: ✓ it holds, ✗ it stops the shop, ? somebody should look
    account.py   credentials, region, permissions, runtime, concurrency
    shop.py      the secret and the settings, and the form of each key
    stack.py     CloudFormation's state, tables, who hears alarms
    edge.py      certificate, DNS, TLS, the two addresses that WeChat calls, the clock
    aws.py       gathers from AWS what the four judge
    net.py       gathers from the network

Each check is a pure function of facts. Nothing is changed, and no secret is shown.
"""
