"""HTTP: the only code, beside the api.py rooms, that knows it.

routes.py    Routes: a Chalice blueprint whose endpoints are declared with what they take, answer and refuse
ondemand.py  the app's routes, imported when they are looked up; doors.py  which module declares which path
edge.py      one request from its bytes to its answer: session, signature, parsing, errors, caching
errors.py    error families to statuses, and the one form in which every error is answered
headers.py   what every answer tells browsers
app.py       ShopApp: Chalice itself, answering in the same form
"""

from .call import Call, Endpoint
from .routes import Routes
from .shapes import ID, LINE, NextCursor, PageQuery

__all__ = ["ID", "LINE", "Call", "Endpoint", "NextCursor", "PageQuery", "Routes"]
