"""The ways into the shop that are not HTTP: schedules and streams. One blueprint per file, handlers of a few lines.

Lambda imports `functions.<file>` and never app.py, so nothing here uses the app: `open_shop()` is the one way in.
None of
them is reachable over HTTP.
"""
