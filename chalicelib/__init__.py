"""Jishi: the backend of a WeChat mini-program shop. `shop.py` is the place to start reading."""
