"""Known answers, made once with OpenSSL (through Node) from a throw-away key, and the key, as its two primes.

The key protects nothing and belongs to nobody. Signatures by RSASSA-PKCS1-v1_5 are the same every time, so they can
be pinned.
"""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

_P = int(
    "ee8037906d9c6576a3d98016b9512aed0ceee5b3d592f6f4b0181964effb1fa01ceb1cc723612fb76474b878eb56b2df24d1"
    "8d4ad7224cf83132856d1009ca6fe1cb1aa64713de2dfa22605c923941eab352a9e2d59dc7ea044b3998d35da53889f3fa56"
    "3597d128a67ada1812d3da3bf0f59fb866b77cc670f9db88671ff60f",
    16,
)
_Q = int(
    "b55b932aa3a467b041d8c9981f18732d91b25c7de24815edf234c4eb23da6554fafcc725637c550a900ce712e2e76ae685f1"
    "badf034a07efc31317cb2656794e1fcf53d602bee29556d68fbf3c2d432a6bed39f34a6eebd4d3c78295cbc49e7e98654af5"
    "7a6e568dcaa5cb826fb03e53a67bad691d3c956c48eadc5525080fff",
    16,
)


@cache
def private_key() -> rsa.RSAPrivateKey:
    d = pow(65537, -1, (_P - 1) * (_Q - 1))
    public = rsa.RSAPublicNumbers(65537, _P * _Q)
    exponents = rsa.rsa_crt_dmp1(d, _P), rsa.rsa_crt_dmq1(d, _Q), rsa.rsa_crt_iqmp(_P, _Q)
    return rsa.RSAPrivateNumbers(_P, _Q, d, *exponents, public).private_key()


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


BODY = '{"description":"茶叶 500g","amount":{"total":1990}}'
APIV3_KEY = "0123456789abcdefghijABCDEFGHIJ!?"
SEALED_PLAINTEXT = '{"说":"成功"}'
PUSH_TOKEN = "pushtoken"
PUSH_AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
PUSH_MESSAGE = {"MsgType": "event", "Event": "debug_demo", "说": "你好"}
OAEP_PLAINTEXT = "张三"

SIGNED_REQUEST = (
    "QjC3RuRIK4GSYxjKGl4PdeeX6i0FscOwBPq2nO98oNh1ph4wFkLyHKj864aYQG6ilLYBMgauQFPvtcebJXpHUoNsxjgE5sxzpL3a"
    "oBsUCIp3IKtjnC5pXQeC2XFTalEkpD2x9SJwJa7OOuj+pzs0xb9KzIYTzaic0cwpidicUIsh0mpYDB5yh2+mjicHjt1BYFyd1foj"
    "h5GqQTRhDLC4W6BMgUvncQYNd+HtmJIME4H/X/2Wn7SKSURffjhagGiLkFR+sYNIdYyPqG2BiKvme891bTjYLj/RH7uIqYAqdcLn"
    "UmhLFdZS9bmcSIrRuPeMrCP91qr98/Kv5S29FqovIA=="
)
SIGNED_GET = (
    "fEZ3lCThADgMTpPPbJx7FpFnJ40AYqFFtYQAomk+lYd6t+5nAgGxiqrodUO4bXnUbAZFH1ImBDKhZ5sZnTWPNJUvb25hMqfMwi7v"
    "G4FYLg2YKAgOB7oKP8IKaE3MdJFqfchtq9YlPu8t9YwNArymx9RJwarVrzfblBDRct1MXoPmRTZVpuX6fCVzEDhkYIdnF9rOZBWx"
    "wk4k/ifbF31Z3ZsNmg9IDlLob9vXN2fDOXb9HfJA0hShVogZnPRQw0mICefqylDX6Pxg1ZT4MIhwxG0U19pyRf7LP5jTH7NmlLPe"
    "FgvKw6gTkOsGVx28G7haCIKJdxtvSwnxaWkFP5epWw=="
)
SIGNED_SHEET = (
    "YpDrSPYvFNsbD4SNw0VbHtzUZBGcwJraK7X2bjU0yWagCFL9snJocjLqwsh3RFH/OcRty/+AzjjaHl0XxJfzP/9M//M8gILr48GV"
    "Uu9K6tbs6pNj8iB1J68T+98O3l4v0C7jf5Oqt0j0rT/FJhxpLLcUNdEfIPaken5q2LphyJ4K66zNNerNukUxltFUmlYGWvTFpdmU"
    "HRqHvVw4XrE6XZQHr9qGct6g6lU5/OryoUtxSSODnp1spY8qtQ7BPnF1o5STiQNqugNwPAxcMwiZ/Avo/SNJxp3/1ozFT83hq6+q"
    "WJISSroOrZbNcCYiyFJRzi6f/Zd875HqJkgfdoBk0w=="
)
SIGNED_ANSWER = (
    "cYtlipfM8sNJiS8DfWZbBtuZAImZqDp+tCUuRhXZ5pCRnxJN9QSzxn3JIxurRBaaw6aVQFePSVe844Yn0YRUAEWty9iFtyvWzypx"
    "bfCb4lJgQecirmWn2yQn/sRV34ZfoBJjjtY+ANoWBNtSldnpbkdndssWlQ3ktlPGZh6RgwKcp//+l/B+ZhRBcCyHlzSv2nub0pIb"
    "1G+I1YvxQ5pd5nLfXK/MwEcKn2BVQI3XG1o3m6WUQKIgqCMcPRF8sFNuncKeG2tBaLcQR8wCK1KMsBl2HhBkWcmDVayZz4KTz2WC"
    "bWrXGPy7f9DwgfGBKXYESKqHGkciQm9gkREuqy+7OQ=="
)
SIGNED_EMPTY = (
    "Gqytb+BfPPQ2JGh447MzlAmZYZnDHREPRTqaNmj1AeyWxPF9sh8cp9tolSVgcXZTqSGyp46thbUilcM+U31pzAW7T0T31RzaRalU"
    "GEqYxg57fUOHOSMcHtDB+czToiqA7fvtpSnTTC7jmptgpGWds70v0waKS80bg2nUFEYEUFQN/NLzhuaJdXckR4Z2VA0pNE3VTFDC"
    "JnXdAt2GcJsoJujCOXCsG4WCZ+pddCyKp2o0dD1qC2bS8qVEq0vgDOhXpb+pqMLSoKnb79g0kxdrEgRK69+YHw7IRU3RbBmFNoJF"
    "qTH8gfy9pFGyzQXfLUJt5PbWNMHu+njteMB65UMc6g=="
)
SEALED = "kQ2PZJX57XVCqSPs4mjHPtWyFZmeG2IrzqJRCE4ytn4="
SEALED_WITHOUT_AAD = "kQ2PZJX57XVCqSPs4mjHPs6lO13KpJnSH9dRbwAoJNk="
OAEP = (
    "AUvQo9wZvvSnlS/hbXiEWkE4QaMallY5o56EIi2cR4nQiHJhESXKuAWqkIURTh5/akkW1KMWGu0zDMS6RuJapaV/1WLQDr59MFin"
    "3TvvSyfKwdFlNG42Sky/P0ZKTwnVR/1HUBKoQsiXlfrK7jWhehYOfaCnKn29qMk7xmT24sMajV8Cme6PiLkO1Wxmb3zX2FRcBF7L"
    "vzOQ2FQ86Pw3zwzFbpnC4eMyyNIGGV7cFKqH0Xs5OM5nzIwyw6Q4BkXnxIrTJNU8Yzqsx/tUtP3qj8BszwhQNrabIfr5NrFPYAt8"
    "zauG75s9yWhrY+EyGH+WcrgfQhwHBAB6RYQJkUmoUQ=="
)
PUSH_URL_SIGNATURE = "051a541e389e7bf5124285beb787f4e11aec854e"
PUSH_ENCRYPTED = (
    "Q3stYC6hdFzMh9T8HCvyDHVjnh901jt59VMAB3PxPMJwpNBICO53OJBX+x9g5MCujzGiM1bqF2/gsEwucpEYuYWdY69V1KkT02bG"
    "sUJkrRV+6LfE5DuO/0pl3BBMXzBP"
)
PUSH_SIGNATURE = "765fe2217ebf5f69520baccdf38c4ad02523c941"
