"""CPU of the shop's own process per operation: `python -m bench.cpu` -> bench/results/cpu.json.

stage.py       the engine, the sandbox WeChat and the HTTP server, in processes of their own
scene.py       forty guests; operations.py: what they do, a request or two at a time
measuring.py   rounds by one client and by eight, and what the clients themselves cost
floor.py       what nobody could do without: the same requests to DynamoDB, the same RSA and AES, an empty route
canned.py      the server that the floor is measured against, a program of its own
web.py         the same over HTTP, where the server's process is measured
profiling.py   `python -m bench.cpu --profile "GET /products"`: where the time of one operation goes
"""
