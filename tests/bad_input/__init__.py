"""Bad input: every registered route is asked with everything that it must not take.

values.py              what is wrong: JSON values, whole bodies, ids, texts, headers
asking.py              a shop that is lived in, asked in this process as by API Gateway; what an answer must be
test_routes.py         the table: each route with each of them
test_server.py         a few over sockets: huge, chunked, broken off
test_callback_fuzz.py  WeChat's callbacks, byte by byte, where they are read
test_callbacks.py      the same over HTTP: nothing moves until the genuine one comes

A new route is covered as soon as it is registered: its request is built from the examples in its Structs' `Meta`, with
the ids of `asking.lived_in` in place of ids of the same name. A route whose example alone leads nowhere gets a better
`Meta(examples=[...])`, which the contract shows too, or another name in `lived_in`.
"""
